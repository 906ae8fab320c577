package damages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/archive/forgetest"
	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/keywrap"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/origin"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
)

// bank is an archive with its log in a directory, and what is true.
type bank struct {
	t       *testing.T
	dir     string
	entries []*event.Entry
	proof   *origin.Proof
	wrap    keywrap.Wrapper
	log     *archivelog.Log
	// keys are the keys of the segments of each shard, and links the ends of their chains.
	keys  map[string][]string
	links map[string]segment.Link
	// kept is a checkpoint that somebody kept, and public the keys of the log.
	kept   []byte
	public []note.Verifier
}

// start is the time of the clock of the log.
var start = archivetest.Start.Add(time.Hour)

// newBank archives entries over shards, an account in one, with so many records in a segment. The
// checkpoint before the last segments is kept.
func newBank(t *testing.T, entries []*event.Entry, shards, each int) *bank {
	t.Helper()
	b := &bank{t: t, dir: t.TempDir(), entries: entries, keys: map[string][]string{}, links: map[string]segment.Link{}}
	b.wrap = filewrap.New(filepath.Join(t.TempDir(), "key"), func() (bool, error) { return false, nil })
	b.must(os.MkdirAll(b.dir, 0o700))
	heads, err := forgetest.Heads(t.Context(), b.bucket(), eventtest.Bank, eventtest.Keys, entries)
	b.must(err)
	b.proof = &origin.Proof{Bank: eventtest.Bank, Keys: eventtest.Keys, Heads: heads}
	b.log = archivelog.New(archivelog.Config{
		Bucket: b.bucket(), Table: storetest.Memory(t, pebblestream.Options{}, control.Schema).Table, Keys: b.wrap, Bank: func() string { return eventtest.Bank },
		Check: func(ctx context.Context, e *event.Entry) error { return b.proof.Verify(ctx, e) },
		Owner: "a", Exclusive: true, Every: time.Minute, Now: func() time.Time { return start }, Log: slog.New(slog.DiscardHandler),
	})
	records := map[string][]segment.Record{}
	for _, r := range archivetest.Records(entries) {
		shard := fmt.Sprint("s-", int(r.Entry.AccountID[len(r.Entry.AccountID)-1]-'0')%shards)
		records[shard] = append(records[shard], r)
	}
	for len(records) > 0 {
		for i := range shards {
			shard := fmt.Sprint("s-", i)
			n := min(each, len(records[shard]))
			if n > 0 {
				b.seal(shard, records[shard][:n])
			}
			if records[shard] = records[shard][n:]; len(records[shard]) == 0 {
				delete(records, shard)
			}
		}
		if len(records) > 0 {
			b.must(b.log.Append(t.Context()))
			b.keep()
		}
	}
	b.must(b.log.Append(t.Context()))
	if b.kept == nil { // one segment of each shard has all
		b.keep()
	}
	return b
}

func (b *bank) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bank) bucket() bucket.Bucket {
	b.t.Helper()
	disk, err := dirbucket.New(b.dir)
	b.must(err)
	return disk
}

func source(shard string) segment.Source {
	return segment.Source{Stream: "passbook-events", Created: archivetest.Start.Truncate(time.Second), Shard: shard}
}

// seal archives records as the next segment of a shard, with its end marker.
func (b *bank) seal(shard string, records []segment.Record) {
	b.t.Helper()
	w := segment.NewWriter(2, eventtest.Bank, source(shard), b.links[shard])
	for _, r := range records {
		b.must(w.Append(r))
	}
	sealed, err := w.Seal()
	b.must(err)
	b.must(b.bucket().Create(b.t.Context(), sealed.Key, sealed.Data))
	name, err := segment.ParseKey(sealed.Key)
	b.must(err)
	b.must(archive.NewEndMarker(name, sealed.Footer, false).Write(b.t.Context(), b.bucket()))
	b.links[shard] = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
	b.keys[shard] = append(b.keys[shard], sealed.Key)
}

// keep keeps the newest checkpoint of the log.
func (b *bank) keep() {
	b.t.Helper()
	text, err := archivelog.PublicKeys(b.t.Context(), b.bucket(), b.wrap, eventtest.Bank)
	b.must(err)
	b.public, err = archivelog.ParseKeys([]byte(strings.Join(text, "\n")))
	b.must(err)
	for stored, err := range archivelog.Checkpoints(b.t.Context(), b.bucket(), b.public) {
		b.must(errors.Join(err, stored.Err))
		b.kept = stored.Text
		return
	}
}

// copy returns a copy of the bank's archive, to be damaged.
func (b *bank) copy(t *testing.T) *bank {
	t.Helper()
	c := *b
	c.t, c.dir = t, t.TempDir()
	c.must(os.CopyFS(c.dir, os.DirFS(b.dir)))
	return &c
}

func (b *bank) path(key string) string { return filepath.Join(b.dir, filepath.FromSlash(key)) }

func (b *bank) read(key string) []byte {
	b.t.Helper()
	data, err := os.ReadFile(b.path(key))
	b.must(err)
	return data
}

// write puts an object in the place of another, or where none was.
func (b *bank) write(key string, data []byte) {
	b.t.Helper()
	b.remove(key)
	b.must(os.MkdirAll(filepath.Dir(b.path(key)), 0o700))
	b.must(os.WriteFile(b.path(key), data, 0o600))
}

func (b *bank) remove(key string) {
	b.t.Helper()
	b.must(os.RemoveAll(b.path(key)))
}

// newest returns the newest segment of a shard.
func (b *bank) newest(shard string) string {
	keys := b.keys[shard]
	return keys[len(keys)-1]
}

// under returns the keys of the objects under a prefix that have a text in them, in order.
func (b *bank) under(prefix, text string) (keys []string) {
	b.t.Helper()
	after := ""
	for {
		page, err := b.bucket().List(b.t.Context(), prefix, after)
		b.must(err)
		for _, o := range page.Objects {
			if strings.Contains(o.Key, text) {
				keys = append(keys, o.Key)
			}
		}
		if after = page.After; after == "" {
			return keys
		}
	}
}

// markers returns the keys of a shard's end markers, the newest first.
func (b *bank) markers(shard string) []string { return b.under("ends/", "/"+shard+"/") }

// states returns the true state of each account after each of its versions.
func (b *bank) states() map[event.Account]map[int64]account.State {
	b.t.Helper()
	all, now := map[event.Account]map[int64]account.State{}, map[event.Account]account.State{}
	for _, e := range b.entries {
		a := e.Account()
		if all[a] == nil {
			all[a] = map[int64]account.State{}
		}
		for _, ev := range e.Events {
			s, err := account.Fold(now[a], ev)
			b.must(err)
			now[a] = s
		}
		all[a][e.Last] = now[a]
	}
	return all
}

// entriesIn returns the entries of a segment.
func (b *bank) entriesIn(key string) (entries []*event.Entry) {
	b.t.Helper()
	s, err := segment.Open(b.t.Context(), b.bucket(), key)
	b.must(err)
	for rec, err := range s.Records(segment.Exact) {
		b.must(err)
		entries = append(entries, rec.Entry)
	}
	return entries
}

// random returns entries of a bank that was switched to macs at some moment, or never before.
func random(seed uint64) (entries []*event.Entry, shards, each int) {
	draw := rand.New(rand.NewPCG(seed, 0))
	entries = archivetest.Bank(seed, 1+draw.IntN(8), 20+draw.IntN(80))
	entries = forgetest.Upgraded(entries, draw.IntN(3)*len(entries)/4, eventtest.Keys)
	return entries, 1 + draw.IntN(3), 3 + draw.IntN(20)
}

// text returns what write writes.
func text(write func(io.Writer) error) string {
	var b strings.Builder
	_ = write(&b)
	return b.String()
}

// sorted returns the accounts of states in order.
func sorted[V any](of map[event.Account]V) []event.Account {
	var all []event.Account
	for a := range of {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b event.Account) int { return strings.Compare(a.String(), b.String()) })
	return all
}
