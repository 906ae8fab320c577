package bank

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/jobs/sealday"
	"passbook/shared/endofday"
	"passbook/shared/platform"
	"passbook/shared/replay"
	"passbook/shared/stores"
)

// archiveCommand groups the commands on the archive itself.
type archiveCommand struct {
	Claim      claimCommand             `cmd:"" help:"Declare that the archive is this bank's."`
	Retire     retireCommand            `cmd:"" help:"Mark a damaged or missing segment as replaced."`
	Key        archiveKeyCommand        `cmd:"" help:"The public key of its signed log, for who checks a copy."`
	Checkpoint archiveCheckpointCommand `cmd:"" help:"How far the signed log is, for who keeps it."`
	SealDay    sealDayCommand           `cmd:"" name:"seal-day" help:"Make the signed manifest of a day that is over."`
}

// Help returns the example.
func (archiveCommand) Help() string { return "Example:\n\n  bank archive claim --yes" }

// claimCommand ties the archive to the bank because an operator says so.
type claimCommand struct {
	cli.StoreFlags
	cli.ReasonFlag
	Yes bool `name:"yes" help:"Do not ask."`
	cli.Output
}

// Help returns the example.
func (claimCommand) Help() string {
	return "An archive belongs to one bank, which owner.json in it and a row of the control table name. A program that finds another " +
		"name, or none although there are segments, refuses to start. Claim an archive only if its segments are this bank's: the segments of two banks " +
		"in one archive cannot be told apart.\n\nExample:\n\n  bank archive claim --yes"
}

// Run claims.
func (c *claimCommand) Run(ctx context.Context, t *cli.Terminal) error {
	claim := jobs.Command[stores.Claimed]{Name: "claim", Output: c.Output, Reason: c.Reason, Confirm: func(config platform.Config) error {
		return t.Sure(c.Yes, "claim the archive for the bank "+config.Prefix, config.Prefix)
	}}
	return claim.Run(ctx, t, &c.StoreFlags, func(w io.Writer, done stores.Claimed) {
		fmt.Fprintf(w, "the archive and the tables belong to bank %s\n", done.Bank)
		if done.Before != "" {
			fmt.Fprintf(w, "the tables belonged to bank %s before\n", done.Before)
		}
	})
}

// retireCommand marks a segment as replaced.
type retireCommand struct {
	cli.StoreFlags
	cli.ReasonFlag
	Key    string `arg:"" help:"The segment's key, as audit prints it: events/v1/…"`
	DryRun bool   `name:"dry-run" help:"Prove everything but write nothing."`
	Yes    bool   `name:"yes" help:"Do not ask."`
	cli.Output
}

// Help returns the example.
func (retireCommand) Help() string {
	return "After audit --repair other segments have the entries of a damaged or missing one. Retire proves that, entry by entry with the journal, " +
		"and writes an object under retired/v1/ that names them; from then on audit no longer reports the segment. Nothing is changed or deleted. " +
		"The exit code is 3 while an entry is missing.\n\nExample:\n\n  bank archive retire --dry-run KEY"
}

// Run retires.
func (c *retireCommand) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(&c.StoreFlags)
	if err != nil {
		return err
	}
	if err := t.Sure(c.Yes || c.DryRun, "retire "+c.Key, config.Prefix); err != nil {
		return err
	}
	retire := jobs.Command[replay.RetireResult]{Name: "retire", Params: jobs.RetireParams{Key: c.Key, DryRun: c.DryRun}, Reason: c.Reason}
	done, err := retire.Do(ctx, t, config)
	return cli.Show(t, c.Output, done, err, func(w io.Writer) {
		for _, fault := range slices.Concat(done.Faults.List, done.Foreign.List) {
			fmt.Fprintln(w, fault)
		}
		switch {
		case err != nil: // nothing was retired
		case done.Before:
			fmt.Fprintf(w, "%s was already retired\n", done.Key)
		case done.DryRun:
			fmt.Fprintf(w, "would retire %s: %d entries are in %d other segments\n", done.Key, done.Entries, len(done.Replacing))
		default:
			fmt.Fprintf(w, "%s is retired: %d entries are in %d other segments, listed in %s\n", done.Key, done.Entries, len(done.Replacing), done.Object)
		}
	})
}

// adviceNoLog is what to do where the archive's log has nothing yet.
const adviceNoLog = "try again when the archiver has sealed a segment, within two minutes after the first command"

// archiveKeyCommand prints the public keys of the archive's log.
type archiveKeyCommand struct {
	cli.StoreFlags
	cli.Output
}

// Help returns what it is for, and the example.
func (archiveKeyCommand) Help() string {
	return "Who has a copy of the archive checks it with this key and a checkpoint, without the bank: audit verify. Give it by a way that " +
		"nobody can change who may change the archive. There is one line for each key that the bank ever had.\n\n" +
		"Example:\n\n  bank archive key --data ./data"
}

// Run prints them.
func (c *archiveKeyCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return showLog(ctx, t, &c.StoreFlags, c.Output, func(l jobs.ArchiveLog) string { return strings.Join(l.Keys, "\n") })
}

// archiveCheckpointCommand prints the newest checkpoint.
type archiveCheckpointCommand struct {
	cli.StoreFlags
	cli.Output
}

// Help returns what it is for, and the example.
func (archiveCheckpointCommand) Help() string {
	return "The bank signs how far its archive is, each time that it archives. Who keeps a checkpoint can prove later that nothing that was archived " +
		"until then was changed or removed: audit verify.\n\nExample:\n\n  bank archive checkpoint --data ./data"
}

// Run prints it.
func (c *archiveCheckpointCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return showLog(ctx, t, &c.StoreFlags, c.Output, func(l jobs.ArchiveLog) string { return strings.TrimSuffix(l.Checkpoint, "\n") })
}

// showLog prints a part of what checks the archive, exactly.
func showLog(ctx context.Context, t *cli.Terminal, flags *cli.StoreFlags, o cli.Output, part func(jobs.ArchiveLog) string) error {
	config, err := t.Config(flags)
	if err != nil {
		return err
	}
	found, err := jobs.Command[jobs.ArchiveLog]{Name: "archive-log", Params: jobs.ArchiveLogParams{}}.Do(ctx, t, config)
	if err == nil && part(found) == "" {
		err = cli.Fail(cli.ExitBehind, errors.New("the archive has no signed log yet"), adviceNoLog)
	}
	return cli.Show(t, o, found, err, func(w io.Writer) { fmt.Fprintln(w, part(found)) })
}

// sealDayCommand seals a day.
type sealDayCommand struct {
	cli.StoreFlags
	cli.ReasonFlag
	Date   string `name:"date" required:"" placeholder:"YYYY-MM-DD" help:"The day."`
	Zone   string `name:"zone" placeholder:"ZONE" help:"The zone whose clocks count, such as Europe/Berlin; by default that of the day before."`
	Cutoff string `name:"cutoff" placeholder:"HH:MM" help:"When a day ends; by default as the day before."`
	First  bool   `name:"first" help:"Begin with this day: none is sealed yet."`
	cli.Output
}

// Help returns what is sealed when, and the example.
func (sealDayCommand) Help() string {
	return "The end-of-day manifest has every account's balance at the end of the day, what was moved, and a trial balance of each currency, by what is in " +
		"the archive, signed with the key of the archive's log. A cutoff before 12:00 is on the next date. Days are sealed one after another, from a minute " +
		"after their end on; entries that come later are in the next manifest. A day that was sealed is printed again. Exit code 3 means that the archive is " +
		"damaged or its sums do not agree, 4 that something is not archived yet.\n\n" +
		"Example:\n\n  bank archive seal-day --date 2026-11-30 --zone Europe/Berlin --cutoff 00:00 --first"
}

// Run seals.
func (c *sealDayCommand) Run(ctx context.Context, t *cli.Terminal) error {
	params := jobs.SealDayParams{Day: sealday.Day{Date: c.Date, Zone: c.Zone, Cutoff: c.Cutoff, First: c.First}}
	seal := jobs.Command[endofday.Sealed]{Name: "seal-day", Params: params, Output: c.Output, Reason: c.Reason}
	return seal.Run(ctx, t, &c.StoreFlags, func(w io.Writer, done endofday.Sealed) {
		if done.Before {
			fmt.Fprintf(w, "%s was sealed before: %s\n", done.Date, done.Key)
		} else {
			fmt.Fprintf(w, "%s is sealed: %s\n", done.Date, done.Key)
		}
		done.WriteText(w)
	})
}
