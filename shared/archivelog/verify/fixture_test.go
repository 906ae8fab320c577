package verify_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/archive/archivetest"
	"passbook/shared/archivelog"
	"passbook/shared/archivelog/verify"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/keywrap"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

// copied is an archive with its log in a directory, as an auditor has it.
type copied struct {
	t      *testing.T
	dir    string
	bucket bucket.Bucket
	bank   string
	wrap   keywrap.Wrapper
	log    *archivelog.Log

	segments []segment.Sealed
	keys     []note.Verifier
	// kept is the checkpoint that the auditor kept.
	kept []byte
}

func newCopy(t *testing.T, bank string) *copied {
	t.Helper()
	c := &copied{t: t, dir: t.TempDir(), bank: bank, wrap: filewrap.New(filepath.Join(t.TempDir(), "key"), func() (bool, error) { return false, nil })}
	c.begin()
	return c
}

// begin makes a log that the bank adds to in the directory, with what is in it already.
func (c *copied) begin() {
	c.t.Helper()
	var err error
	if c.bucket, err = dirbucket.New(c.dir); err != nil {
		c.t.Fatal(err)
	}
	c.log = archivelog.New(archivelog.Config{
		Bucket: c.bucket, Table: storetest.Memory(c.t, pebblestream.Options{}, control.Schema).Table, Keys: c.wrap, Bank: func() string { return c.bank },
		Check: func(context.Context, *event.Entry) error { return nil },
		Owner: "a", Exclusive: true, Every: time.Minute, Now: func() time.Time { return archivetest.Start.Add(time.Hour) },
	})
}

// seal makes segments of four records each. The records of entries that are nil are skipped.
func seal(t *testing.T, bank, shard string, records []segment.Record) (all []segment.Sealed) {
	t.Helper()
	var link segment.Link
	for len(records) > 0 {
		w := segment.NewWriter(2, bank, segment.Source{Stream: "events", Created: archivetest.Start, Shard: shard}, link)
		n := min(4, len(records))
		for _, r := range records[:n] {
			if r.Entry == nil {
				w.Skip(r.Sequence)
				continue
			}
			if err := w.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		records = records[n:]
		sealed, err := w.Seal()
		if err != nil {
			t.Fatal(err)
		}
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
		all = append(all, sealed)
	}
	return all
}

// add archives segments, one after another.
func (c *copied) add(segments ...segment.Sealed) {
	c.t.Helper()
	for _, s := range segments {
		err := c.bucket.Create(c.t.Context(), s.Key, s.Data)
		if err == nil {
			err = c.log.Append(c.t.Context())
		}
		if err != nil {
			c.t.Fatal(err)
		}
		c.segments = append(c.segments, s)
	}
	text, err := archivelog.PublicKeys(c.t.Context(), c.bucket, c.wrap, c.bank)
	if err == nil {
		c.keys, err = archivelog.ParseKeys([]byte(strings.Join(text, "\n")))
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// keep keeps the newest checkpoint.
func (c *copied) keep() {
	c.t.Helper()
	for stored, err := range archivelog.Checkpoints(c.t.Context(), c.bucket, c.keys) {
		if err != nil {
			c.t.Fatal(err)
		}
		c.kept = c.read(stored.Key)
		return
	}
}

func (c *copied) read(key string) []byte {
	c.t.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, key))
	if err != nil {
		c.t.Fatal(err)
	}
	return data
}

// write puts an object in the place of another one, or where none was.
func (c *copied) write(key string, data []byte) {
	c.t.Helper()
	c.remove(key)
	file := filepath.Join(c.dir, key)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, data, 0o600)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *copied) remove(key string) {
	c.t.Helper()
	if err := os.RemoveAll(filepath.Join(c.dir, key)); err != nil {
		c.t.Fatal(err)
	}
}

// verify checks the copy, as somebody who may not write to it.
func (c *copied) verify(accounts int) (*verify.Report, error) {
	c.t.Helper()
	b, err := dirbucket.Existing(c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	return verify.Run(c.t.Context(), verify.Config{Bucket: b, Kept: c.kept, Keys: c.keys, Accounts: accounts})
}

// archived returns a copy of six segments with the histories of five accounts; the auditor kept the
// checkpoint of four.
func archived(t *testing.T) (*copied, []segment.Record) {
	t.Helper()
	c := newCopy(t, eventtest.Bank)
	records := archivetest.Records(archivetest.Signed(archivetest.Bank(1, 5, 24)))
	all := seal(t, c.bank, "s1", records)
	c.add(all[:4]...)
	c.keep()
	c.add(all[4:]...)
	return c, records
}
