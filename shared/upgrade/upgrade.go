package upgrade

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/keywrap"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/table"
)

// Config is what an upgrade needs. All but Serving, Exclusive and DryRun are required.
type Config struct {
	Table   table.Table
	Bucket  bucket.Bucket
	Keys    keywrap.Wrapper
	Journal *journal.Reader
	// Stream is the stream of events. Consumers are those that read it without generations, Models
	// the read models.
	Stream            string
	Consumers, Models []string
	// Lease is how long a program may be silent before it counts as dead.
	Lease time.Duration
	// RaiseFormat marks the stores so that older programs refuse them.
	RaiseFormat func(ctx context.Context) error
	// Exclusive says that no other process can use the stores, Serving that this one runs a bank.
	Exclusive, Serving bool
	// Wait bounds the wait for the writers to follow; 0 is 5 minutes.
	Wait time.Duration
	// DryRun only asks whether the bank can be switched.
	DryRun bool
	// ListAgain makes the manifest of heads from the journal where the bucket has lost it, or a
	// part of it. It trusts the entries without a mac that the journal has.
	ListAgain bool
	// Progress takes how many accounts were looked at; nil drops it.
	Progress *progress.Tracker
}

// Result is what an upgrade did, or in a dry run would do.
type Result struct {
	Bank string `json:"bank"`
	// From and To are the entry formats before and after.
	From int `json:"from"`
	To   int `json:"to"`
	// Accounts is how many accounts have entries of a format before To, and Late how many of them
	// got one after the manifest that was there before.
	Accounts int64 `json:"accounts"`
	Late     int64 `json:"late,omitempty"`
	// Damaged are accounts of which a row in the journal is no entry, at most 20: those were listed
	// up to the damage. Audit names all.
	Damaged []string `json:"damaged,omitempty"`
	// Heads is the sum of the manifest that the bank's row names.
	Heads string `json:"heads,omitempty"`
	// Changed says whether anything was to be done, and ListedAgain whether that was to make a
	// manifest that was lost.
	Changed     bool `json:"changed"`
	ListedAgain bool `json:"listed_again,omitempty"`
	DryRun      bool `json:"dry_run,omitempty"`
}

// Run upgrades the bank, or continues an upgrade that was ended. It fails with ErrOlder if
// programs have to be replaced first, with ErrUnfinished if they do not follow in time, and with an
// *origin.Refusal if there is no bank, or one that a newer release upgraded.
func Run(ctx context.Context, c Config) (Result, error) {
	r, err := run(ctx, c)
	if err != nil {
		return r, fmt.Errorf("upgrade the bank: %w", err)
	}
	return r, nil
}

func run(ctx context.Context, c Config) (Result, error) {
	bank, err := readBank(ctx, c.Table)
	r := Result{Bank: bank.ID, From: bank.Format, To: event.Format, Heads: bank.Heads, DryRun: c.DryRun}
	if err != nil {
		return r, err
	}
	p := newPrograms(c)
	if bank.Format < event.Format || c.DryRun {
		behind, err := p.behind(ctx)
		if err != nil {
			return r, err
		}
		if len(behind) > 0 {
			return r, name(ErrOlder, behind)
		}
	}
	if c.DryRun {
		r.Changed = bank.Format < event.Format || bank.Switching()
		return r, nil
	}
	if bank.Format < event.Format {
		r.Changed = true
		if bank, err = switchOver(ctx, c, bank); err != nil {
			return r, err
		}
	}
	// as soon as the row names the newer format, and again when every program has written its rows
	if err := p.fence(ctx); err != nil {
		return r, err
	}
	if err := p.await(ctx); err != nil {
		return r, err
	}
	if err := p.fence(ctx); err != nil {
		return r, err
	}
	return complete(ctx, c, bank, r)
}

// readBank reads the bank's row, which must be there and known to this program.
func readBank(ctx context.Context, t table.Table) (origin.Bank, error) {
	bank, err := origin.ReadBank(ctx, t)
	if err == nil && bank.ID == "" {
		err = &origin.Refusal{What: "these tables belong to no bank yet", Next: "start the bank once, or run the same command without --dry-run: either ties them to their archive"}
	}
	if err == nil {
		err = bank.CheckFormat(event.Format)
	}
	return bank, err
}

// switchOver makes the data key and writes the row that tells every program to write the newer
// format. A program that knows only the older one refuses to start from then on.
func switchOver(ctx context.Context, c Config, bank origin.Bank) (origin.Bank, error) {
	now := bank
	now.Format, now.Heads = event.Format, ""
	if now.Key == 0 {
		now.Key = origin.FirstKey
		if _, err := origin.NewKey(ctx, c.Table, c.Keys, bank.ID, origin.FirstKey); err != nil {
			return bank, err
		}
	}
	// before the row: an archive whose newest entries are signed always has the key that checks
	// them
	if err := origin.CopyKeys(ctx, c.Table, c.Bucket, bank.ID, now.Key); err != nil {
		return bank, err
	}
	// before the row too: an older program must never find a row that it cannot read in a directory
	// that it may open
	if err := c.RaiseFormat(ctx); err != nil {
		return bank, err
	}
	err := origin.WriteBank(ctx, c.Table, bank, now)
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return bank, err
	}
	return readBank(ctx, c.Table) // with an answer that was lost, or after another upgrade
}

// complete takes the manifest and writes its sum into the bank's row. In a bank that has one it
// adds the accounts that got an entry of the older format since.
func complete(ctx context.Context, c Config, bank origin.Bank, r Result) (Result, error) {
	taken, err := takeLater(ctx, c, bank)
	if errors.Is(err, origin.ErrLost) && c.ListAgain {
		r.ListedAgain = true
		taken, err = takeManifest(ctx, c, bank, nil)
	}
	if err != nil {
		return r, err
	}
	r.Accounts, r.Late, r.Damaged = taken.accounts, taken.late, taken.damaged
	if taken.sum == "" {
		return r, nil
	}
	r.Changed, r.Heads = true, taken.sum
	for {
		now := bank
		now.Heads = taken.sum
		err := origin.WriteBank(ctx, c.Table, bank, now)
		if !errors.Is(err, table.ErrConditionFailed) {
			return r, err
		}
		read, err := readBank(ctx, c.Table)
		if err != nil || read.Heads == taken.sum {
			return r, err
		}
		// another upgrade was faster: its manifest has the same accounts, or more
		if read.Heads != bank.Heads {
			r.Heads = read.Heads
			return r, nil
		}
		bank = read // a key was rotated
	}
}
