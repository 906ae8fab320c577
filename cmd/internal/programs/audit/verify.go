package audit

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"

	"passbook/cmd/internal/cli"
	"passbook/shared/archivelog"
	"passbook/shared/archivelog/verify"
	"passbook/shared/platform"
	"passbook/shared/progress"
)

// verifyCommand checks a copy of an archive.
type verifyCommand struct {
	Offline    string `name:"offline" required:"" placeholder:"DIR" help:"Directory with a copy of the archive's bucket."`
	Checkpoint string `name:"checkpoint" required:"" placeholder:"FILE" help:"A checkpoint that was kept: bank archive checkpoint prints one."`
	Key        string `name:"key" required:"" placeholder:"KEY" help:"The log's public key, or a file with some: bank archive key prints it."`
	cli.Output
}

// Help returns what it needs, and the example.
func (verifyCommand) Help() string {
	return "It needs no bank, no other key and no network, and writes nothing. It proves that the signed log in the copy has what was signed by the " +
		"checkpoint, that each segment is as it was logged, and that each account is whole from version 1 on. Exit code 3 means that something " +
		"differs. It keeps about 140 bytes for each account, of up to 2 million at once.\n\n" +
		"Example:\n\n  audit verify --offline ./copy --checkpoint march.txt --key bank.pub"
}

// Run checks it.
func (c *verifyCommand) Run(ctx context.Context, t *cli.Terminal) error {
	keys, err := readKeys(c.Key)
	if err != nil {
		return cli.Usage("--key: %w", err)
	}
	kept, err := os.ReadFile(c.Checkpoint)
	if err != nil {
		return cli.Usage("--checkpoint: %w", err)
	}
	copied, err := platform.OpenCopy(c.Offline)
	if err != nil {
		return err
	}
	bar, p := cli.NewProgress(t.Err, "verify"), progress.New()
	stop := bar.Follow(p.Snapshot)
	report, err := verify.Run(ctx, verify.Config{Bucket: copied, Kept: kept, Keys: keys, Progress: p})
	stop()
	bar.Finish()
	if errors.Is(err, verify.ErrDifference) {
		err = cli.Fail(cli.ExitDifference, err, "")
	}
	if report == nil {
		return err
	}
	return show(t, c.Output, report, err)
}

// readKeys returns the public keys that a flag gives: one as text, or those in a file.
func readKeys(value string) ([]note.Verifier, error) {
	if keys, err := archivelog.ParseKeys([]byte(value)); err == nil {
		return keys, nil
	}
	text, err := os.ReadFile(value)
	if err != nil {
		return nil, fmt.Errorf("neither a public key nor a file with one: %w", err)
	}
	return archivelog.ParseKeys(text)
}
