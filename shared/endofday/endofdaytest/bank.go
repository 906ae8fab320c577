package endofdaytest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/archive/archivetest"
	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/endofday"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

// Bank is a bank with an archive.
type Bank struct {
	Dir    string
	Bucket bucket.Bucket
	Signer note.Signer
	Keys   []note.Verifier

	log      *archivelog.Log
	segments map[string]segment.Link // the last of each shard
}

// New returns a bank with an empty archive in a new directory below root.
func New(tb testing.TB, root string) *Bank {
	tb.Helper()
	dir, err := os.MkdirTemp(root, "bank")
	if err != nil {
		tb.Fatal(err)
	}
	b := &Bank{Dir: filepath.Join(dir, "archive"), segments: map[string]segment.Link{}}
	if err := os.Mkdir(b.Dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	if b.Bucket, err = dirbucket.New(b.Dir); err != nil {
		tb.Fatal(err)
	}
	wrap := filewrap.New(filepath.Join(dir, "key"), func() (bool, error) { return false, nil })
	b.log = archivelog.New(archivelog.Config{
		Bucket: b.Bucket, Table: storetest.Memory(tb, pebblestream.Options{}, control.Schema).Table, Keys: wrap,
		Bank:  func() string { return eventtest.Bank },
		Check: func(context.Context, *event.Entry) error { return nil },
		Owner: "a", Exclusive: true, Every: time.Minute, Now: func() time.Time { return archivetest.Start.Add(time.Hour) },
	})
	if err := b.log.Append(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	b.Signer, b.Keys, err = archivelog.Signer(tb.Context(), b.Bucket, wrap, eventtest.Bank)
	if err != nil || b.Signer == nil {
		tb.Fatal(b.Signer, err)
	}
	return b
}

// Segment seals records as the next segment of a shard, and archives it without adding it to the
// log.
func (b *Bank) Segment(tb testing.TB, shard string, records ...segment.Record) segment.Sealed {
	tb.Helper()
	w := segment.NewWriter(2, eventtest.Bank, segment.Source{Stream: "events", Created: archivetest.Start, Shard: shard}, b.segments[shard])
	for _, r := range records {
		if err := w.Append(r); err != nil {
			tb.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err == nil {
		err = b.Bucket.Create(tb.Context(), sealed.Key, sealed.Data)
	}
	if err != nil {
		tb.Fatal(err)
	}
	b.segments[shard] = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
	return sealed
}

// Log adds the segments to the log that are not in it.
func (b *Bank) Log(tb testing.TB) {
	tb.Helper()
	if err := b.log.Append(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// Archive archives records as the next segment of a shard, and adds it to the log.
func (b *Bank) Archive(tb testing.TB, shard string, records ...segment.Record) segment.Sealed {
	tb.Helper()
	sealed := b.Segment(tb, shard, records...)
	b.Log(tb)
	return sealed
}

// Checkpoint returns the newest checkpoint of the log.
func (b *Bank) Checkpoint(tb testing.TB) archivelog.Checkpoint {
	tb.Helper()
	is, err := archivelog.Newest(tb.Context(), b.Bucket, b.Keys)
	if err != nil {
		tb.Fatal(err)
	}
	return is
}

// Config returns what seals a date in UTC at midnight, long after it.
func (b *Bank) Config(date string, first bool) endofday.Config {
	return endofday.Config{
		Bucket: b.Bucket, Signer: b.Signer, Keys: b.Keys, Bank: eventtest.Bank, Date: date, Zone: "UTC", Cutoff: "00:00", First: first,
		Now: func() time.Time { return archivetest.Start.AddDate(0, 1, 0) },
	}
}

// Seal seals a date in UTC at midnight.
func (b *Bank) Seal(tb testing.TB, date string, first bool) endofday.Sealed {
	tb.Helper()
	sealed, err := endofday.Seal(tb.Context(), b.Config(date, first))
	if err != nil {
		tb.Fatal(err)
	}
	return sealed
}

// Read returns the content of an object.
func (b *Bank) Read(tb testing.TB, key string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(b.Dir, key))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// Write puts an object in the place of another one, or where none was.
func (b *Bank) Write(tb testing.TB, key string, data []byte) {
	tb.Helper()
	b.Remove(tb, key)
	file := filepath.Join(b.Dir, key)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, data, 0o600)); err != nil {
		tb.Fatal(err)
	}
}

// Remove removes an object.
func (b *Bank) Remove(tb testing.TB, key string) {
	tb.Helper()
	if err := os.RemoveAll(filepath.Join(b.Dir, key)); err != nil {
		tb.Fatal(err)
	}
}

// History returns the entries of accounts over so many days from archivetest.Start on, as records
// of one shard. The same seed gives the same history.
func History(seed uint64, accounts, entries, days int) []segment.Record {
	made := archivetest.Bank(seed, accounts, entries)
	last := archivetest.Start
	for _, e := range made {
		if e.RecordedAt.After(last) {
			last = e.RecordedAt
		}
	}
	times := time.Duration(days) * 24 * time.Hour / (last.Sub(archivetest.Start) + 1)
	for _, e := range made {
		e.RecordedAt = archivetest.Start.Add(e.RecordedAt.Sub(archivetest.Start) * times)
		for i := range e.Events {
			e.Events[i].RecordedAt = e.RecordedAt
		}
	}
	return archivetest.Records(archivetest.Signed(made))
}
