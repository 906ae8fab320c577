package sealday

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"passbook/shared/archive"
	"passbook/shared/archivelog"
	"passbook/shared/backoff"
	"passbook/shared/bucket"
	"passbook/shared/endofday"
	"passbook/shared/endofday/unpublished"
	"passbook/shared/journal"
	"passbook/shared/keywrap"
	"passbook/shared/origin"
	"passbook/shared/table"
)

// askEvery is how often the archiver is asked how far it is.
const askEvery = 100 * time.Millisecond

// Day is the day that is to be sealed.
type Day struct {
	// Date is the day's, Zone and Cutoff say when it ends; empty they are those of the day before.
	Date   string `json:"date"`
	Zone   string `json:"zone,omitempty"`
	Cutoff string `json:"cutoff,omitempty"`
	// First says that no day was sealed before.
	First bool `json:"first,omitempty"`
}

// Check returns what is wrong with it.
func (d Day) Check() error {
	if _, err := endofday.ParseDate(d.Date); err != nil {
		return err
	}
	if !d.First && (d.Zone == "" || d.Cutoff == "") {
		return nil
	}
	_, err := endofday.NewCalendar(d.Zone, d.Cutoff)
	return err
}

// Bank is what is sealed. Flush is nil in a process that runs nothing but the job.
type Bank struct {
	Table   table.Table
	Bucket  bucket.Bucket
	Keys    keywrap.Wrapper
	Journal *journal.Reader
	Log     *slog.Logger
	// Exclusive says that no other process can use the stores.
	Exclusive bool
	// ArchiveTail archives what is on the stream and in no segment, where nothing else runs.
	ArchiveTail func(ctx context.Context) error
	// Tips returns the ends of the shards that are not archived, and Behind whether one is still
	// not.
	Tips   func(ctx context.Context) (map[string]string, error)
	Behind func(ctx context.Context, tips map[string]string) (bool, error)
	// Flush makes the archiver of this process seal its open segments.
	Flush func(ctx context.Context) error
	// AppendLog adds what is archived to the signed log of this process; nil as Flush.
	AppendLog func(ctx context.Context) error
	// Evidence returns how far the archiver is.
	Evidence func(ctx context.Context) (archive.Evidence, error)
	// Wait is how long archiving what is on the stream may take.
	Wait time.Duration
}

// Seal seals a day. All but Gaps, Now and Progress of the configuration are set here.
func (b Bank) Seal(ctx context.Context, day Day, c endofday.Config) (endofday.Sealed, error) {
	bank, err := origin.ReadBank(ctx, b.Table)
	if err != nil {
		return endofday.Sealed{}, err
	}
	c.Bucket, c.Bank, c.Archived = b.Bucket, bank.ID, b.archived
	c.Date, c.Zone, c.Cutoff, c.First = day.Date, day.Zone, day.Cutoff, day.First
	c.Signer, c.Keys, err = archivelog.Signer(ctx, b.Bucket, b.Keys, bank.ID)
	if err == nil && c.Signer == nil {
		err = fmt.Errorf("%w: the archive has no signed log yet", endofday.ErrNotYet)
	}
	if err != nil {
		return endofday.Sealed{}, err
	}
	return endofday.Seal(ctx, c)
}

// archived returns how far the archive goes, when it and its log have everything that was recorded
// before a time.
func (b Bank) archived(ctx context.Context, before time.Time) ([]archive.Bound, error) {
	behind, err := unpublished.Before(ctx, b.Table, before)
	if err == nil && behind != "" {
		err = fmt.Errorf("%w: %s", endofday.ErrNotYet, behind)
	}
	if err != nil {
		return nil, err
	}
	appendLog := b.AppendLog
	if b.Flush == nil && b.Exclusive {
		appendLog, err = b.appendLog, b.ArchiveTail(ctx)
	} else {
		err = b.await(ctx)
	}
	if err == nil && appendLog != nil {
		err = appendLog(ctx)
	}
	if err != nil {
		return nil, err
	}
	known, err := b.Evidence(ctx)
	return known.Bounds, err
}

// await waits until the archivers have what is on the stream now.
func (b Bank) await(ctx context.Context) error {
	tips, err := b.Tips(ctx)
	if err != nil {
		return err
	}
	for until := time.Now().Add(b.Wait); ; {
		if b.Flush != nil {
			if err := b.Flush(ctx); err != nil {
				return err
			}
		}
		behind, err := b.Behind(ctx, tips)
		switch {
		case err != nil || !behind:
			return err
		case time.Now().After(until):
			return fmt.Errorf("%w: after %v the archiver is behind the stream still; its /readyz?verbose says why", endofday.ErrNotYet, b.Wait)
		}
		if err := backoff.Sleep(ctx, askEvery); err != nil {
			return err
		}
	}
}

// appendLog adds what is archived to the signed log, where nothing else runs.
func (b Bank) appendLog(ctx context.Context) error {
	keeper, err := origin.Open(ctx, origin.Config{Table: b.Table, Keys: b.Keys, Journal: b.Journal, Log: b.Log})
	if err != nil {
		return err
	}
	return archivelog.New(archivelog.Config{
		Bucket: b.Bucket, Table: b.Table, Keys: b.Keys, Bank: keeper.Bank, Check: keeper.Check, Owner: "job", Exclusive: true, Every: time.Minute, Log: b.Log,
	}).Append(ctx)
}
