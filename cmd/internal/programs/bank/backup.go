package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"passbook/cmd/internal/backups"
	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/ops"
	"passbook/cmd/internal/serve"
	"passbook/shared/backup"
	"passbook/shared/platform"
	"passbook/shared/progress"
)

// backupCommand groups the commands on backups.
type backupCommand struct {
	Create createBackupCommand `cmd:"" default:"withargs" help:"Back up the bank of a data directory, also while it serves."`
	Verify verifyBackupCommand `cmd:"" help:"Read a backup, and compare each file with its sum."`
	Show   showBackupCommand   `cmd:"" help:"What a backup is of, without reading its files."`
}

// Help returns what a backup contains, and the example.
func (backupCommand) Help() string {
	return "A backup has the database, the archive, and the key that signs the bank's entries: keep it as safe as the bank. It is complete once " +
		"manifest.json is written, after everything was read back. The next backup into the same directory copies only what is new.\n\nExample:\n\n  bank backup --data ./data ./backup"
}

// createBackupCommand makes a backup.
type createBackupCommand struct {
	cli.Output
	Data *string `name:"data" placeholder:"DIR" help:"Data directory [./data]."`
	cli.ReasonFlag
	Rate string `name:"rate" placeholder:"SIZE" help:"Read at most so much a second, such as 50MiB."`
	Dir  string `arg:"" help:"Directory of the backup: new, empty, or with an earlier backup of this bank."`
}

// Help returns the example.
func (createBackupCommand) Help() string {
	return "All that was acknowledged before it began is in it. The bank does the work if it runs, with its own user and directory.\n\n" +
		"Example:\n\n  bank backup --rate 50MiB ./backup"
}

// Run makes it.
func (c *createBackupCommand) Run(ctx context.Context, t *cli.Terminal) error {
	rate, err := parseRate(c.Rate)
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return fmt.Errorf("directory of the backup: %w", err)
	}
	make := jobs.Command[backups.Taken]{Name: "backup", Params: jobs.BackupParams{Dir: dir, Rate: int64(rate)}, Output: c.Output, Reason: c.Reason}
	return make.Run(ctx, t, c, func(w io.Writer, done backups.Taken) {
		fmt.Fprintf(w, "%s: %d accounts, %d events; %d files, %s, of which %s were copied; verified, in %s\n",
			done.Dir, done.Accounts, done.Events, done.Files, size(done.Bytes), size(done.Copied), seconds(done.Seconds))
		fmt.Fprintf(w, "next: copy it to another machine; bank restore --dry-run --data NEW %s\n", done.Dir)
	})
}

// backupAge begins to report how old the newest backup is, and returns what takes note of another
// one. A bank whose operators' log cannot be read still serves.
func backupAge(ctx context.Context, p *serve.Process) func(time.Time) {
	age, err := backups.NewAge(ctx, p.Engine.Table, p.Registry)
	if err != nil {
		p.Log.Warn("the age of the newest backup is not reported until the next one", "error", err)
	}
	return age.Made
}

// parseRate returns the bytes a second of a flag.
func parseRate(text string) (rate platform.Bytes, err error) {
	if text == "" {
		return 0, nil
	}
	if err := rate.UnmarshalText([]byte(text)); err != nil {
		return 0, cli.Usage("--rate: %w", err)
	}
	return rate, nil
}

// size returns a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}

// seconds returns a duration for people.
func seconds(s float64) string { return fmt.Sprintf("%.1f s", s) }

// verifyBackupCommand reads a backup.
type verifyBackupCommand struct {
	cli.Output
	Rate string `name:"rate" placeholder:"SIZE" help:"Read at most so much a second, such as 50MiB."`
	Dir  string `arg:"" help:"Directory of the backup."`
}

// Help returns the example.
func (verifyBackupCommand) Help() string {
	return "The exit code is 3 if a file is missing or was changed.\n\nExample:\n\n  bank backup verify ./backup"
}

// Run reads it.
func (c *verifyBackupCommand) Run(ctx context.Context, t *cli.Terminal) error {
	rate, err := parseRate(c.Rate)
	if err != nil {
		return err
	}
	m, err := readBackup(c.Dir)
	if err != nil {
		return err
	}
	bar, p := cli.NewProgress(t.Err, "verify"), progress.New()
	stop := bar.Follow(p.Snapshot)
	err = m.Verify(ctx, backup.Options{Rate: int64(rate), Progress: p})
	stop()
	bar.Finish()
	if err != nil {
		return explainBackup(err)
	}
	return cli.Show(t, c.Output, described(c.Dir, m), nil, func(w io.Writer) {
		fmt.Fprintf(w, "%s: every one of %d files, %s, is as it was written\n", c.Dir, len(m.Files), size(m.Bytes()))
	})
}

// showBackupCommand shows the manifest.
type showBackupCommand struct {
	cli.Output
	Dir string `arg:"" help:"Directory of the backup."`
}

// Help returns the example.
func (showBackupCommand) Help() string { return "Example:\n\n  bank backup show ./backup" }

// Run shows it.
func (c *showBackupCommand) Run(t *cli.Terminal) error {
	m, err := readBackup(c.Dir)
	if err != nil {
		return err
	}
	return cli.Show(t, c.Output, described(c.Dir, m), nil, func(w io.Writer) {
		fmt.Fprintf(w, "bank      %s, stream %s since %s\n", m.Bank, m.Stream, m.Life.Format(time.RFC3339))
		fmt.Fprintf(w, "taken     %s, by version %s, from %s on %s\n", m.Taken.Format(time.RFC3339Nano), m.Program, m.Data, m.Host)
		fmt.Fprintf(w, "has       %d accounts, %d events, entries of format %d\n", m.Accounts, m.Events, m.EntryFormat)
		fmt.Fprintf(w, "files     %d, %s; with the key that signs the bank's entries\n", len(m.Files), size(m.Bytes()))
		fmt.Fprintf(w, "heads     %s\n", m.Heads)
	})
}

// described returns what the result of a backup says, for one that exists.
func described(dir string, m *backup.Manifest) backups.Taken {
	return backups.Taken{Dir: dir, Facts: m.Facts, Files: len(m.Files), Bytes: m.Bytes()}
}

// readBackup reads a manifest.
func readBackup(dir string) (*backup.Manifest, error) {
	m, err := backup.Read(dir)
	return m, explainBackup(err)
}

// explainBackup gives an error of a backup its exit code, and what to do.
func explainBackup(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, backup.ErrNone):
		return cli.Fail(cli.ExitUnreachable, err, "name the directory of a backup; bank backup DIR makes one")
	case errors.Is(err, backup.ErrFormat):
		return cli.Fail(cli.ExitUnreachable, err, "use the program that wrote it, or a newer one")
	case errors.Is(err, backup.ErrDamaged):
		return cli.Fail(cli.ExitDifference, err, "use another backup; or make this one again in an empty directory")
	case errors.Is(err, backup.ErrBusy), errors.Is(err, backups.ErrRestoring):
		return cli.Fail(cli.ExitBehind, err, "run the same command again when that one has ended")
	case errors.Is(err, backups.ErrNested), errors.Is(err, backups.ErrOther):
		return cli.Fail(cli.ExitUsage, err, "see --help")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return cli.Fail(cli.ExitFailed, err, "free space on that volume, or name a directory on another; then run the same command again")
	case errors.Is(err, backups.ErrInUse):
		return cli.Fail(cli.ExitUnreachable, err, "name a new directory with --data; bank restore overwrites nothing")
	}
	return err
}

// restoreCommand makes a bank of a backup.
type restoreCommand struct {
	cli.Output
	Data   string  `name:"data" required:"" placeholder:"NEW" help:"Data directory to restore into: new or empty."`
	Prefix *string `name:"prefix" placeholder:"TEXT" help:"Prefix of tables and streams [passbook-]."`
	cli.ReasonFlag
	Retire string `name:"retire" placeholder:"DIR" help:"Data directory of the bank that the backup is of: no program opens it again."`
	Rate   string `name:"rate" placeholder:"SIZE" help:"Read at most so much a second, such as 50MiB."`
	DryRun bool   `name:"dry-run" help:"Verify the backup but write nothing."`
	Backup string `arg:"" help:"Directory of the backup."`
}

// Help returns what it does, and the example.
func (restoreCommand) Help() string {
	return "Every file is compared with its sum, and the journal with the manifest. The restored bank is the same bank with a new life of its stream. " +
		"End the bank that the backup is of for good before the restored one takes commands: two would give the same versions to different events.\n\n" +
		"Example:\n\n  bank restore ./backup --data ./restored"
}

// Run restores.
func (c *restoreCommand) Run(ctx context.Context, t *cli.Terminal) error {
	rate, err := parseRate(c.Rate)
	if err != nil {
		return err
	}
	if err := ops.CheckReason(c.Reason); err != nil {
		return cli.Usage("%w", err)
	}
	config, err := t.Config(&struct {
		Data   *string `name:"data"`
		Prefix *string `name:"prefix"`
	}{&c.Data, c.Prefix})
	if err != nil {
		return err
	}
	if config.Store != platform.Embedded {
		return cli.Usage("restore makes a data directory; on AWS see docs/operations.md")
	}
	m, err := readBackup(c.Backup)
	if err != nil {
		return err
	}
	by := ops.Request{Job: "restore", Reason: c.Reason}
	if by.Params, err = json.Marshal(map[string]any{"backup": c.Backup, "taken": m.Taken, "from": m.Data, "host": m.Host}); err != nil {
		return fmt.Errorf("parameters of the restore: %w", err)
	}
	done, err := jobs.RestoreBackup(ctx, t, config, backups.Restoration{Backup: m, Rate: int64(rate), DryRun: c.DryRun, Retire: c.Retire}, by)
	if err != nil {
		return explainBackup(err)
	}
	return cli.Show(t, c.Output, done, nil, func(w io.Writer) { describeRestored(w, done) })
}

// describeRestored prints what was restored.
func describeRestored(w io.Writer, done backups.Restored) {
	if done.DryRun {
		fmt.Fprintf(w, "would restore %d accounts, %d events, as of %s, to %s: every one of %d files, %s, is as it was written\n",
			done.Accounts, done.Events, done.Taken.Format(time.RFC3339Nano), done.Data, done.Files, size(done.Bytes))
		return
	}
	fmt.Fprintf(w, "%s: %d accounts, %d events, as of %s; every sum is right; in %s\n", done.Data, done.Accounts, done.Events, done.Taken.Format(time.RFC3339Nano), seconds(done.Seconds))
	fmt.Fprintf(w, "the stream has a new life since %s; consumers begin it at its start\n", done.NewLife.Format(time.RFC3339))
	if done.Retired != "" {
		fmt.Fprintf(w, "%s is retired\nnext: bank serve --data %s, then audit --data %s\n", done.Retired, done.Data, done.Data)
		return
	}
	fmt.Fprintf(w, "next: see that the bank of %s on %s never serves again; bank serve --data %s, then audit --data %s\n", done.Facts.Data, done.Host, done.Data, done.Data)
}
