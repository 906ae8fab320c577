package stores_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/origin"
	"passbook/shared/segment"
	"passbook/shared/stores"
	"passbook/shared/storetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	events   = "passbook-events"
	archives = "archiver"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// began is when every stream is created, so that a bank and its older copy have one of the same
// incarnation.
var began = time.Now()

// bank has the stores of a bank.
type bank struct {
	stores.Set
	t      *testing.T
	dir    string // of the archive
	stream *faults.Stream
	states map[string]account.State
	links  map[string]segment.Link
}

// newBank returns a bank without an account, with its archive in a directory.
func newBank(t *testing.T, dir string) *bank {
	t.Helper()
	store := storetest.Memory(t, pebblestream.Options{Shards: 1, Now: func() time.Time { return began }}, append([]table.Schema{{Name: "balance"}}, journal.Schemas...)...)
	if err := store.Streams.CreateStream(t.Context(), events, 1); err != nil {
		t.Fatal(err)
	}
	b := &bank{t: t, stream: store.Streams, states: map[string]account.State{}, links: map[string]segment.Link{}}
	b.Set = stores.Set{Table: store.Table, Streams: store.Streams, Stream: events, Archiver: archives, Log: quiet}
	b.use(dir)
	return b
}

// use takes another directory for the archive.
func (b *bank) use(dir string) {
	b.t.Helper()
	disk, err := dirbucket.New(dir)
	if err != nil {
		b.t.Fatal(err)
	}
	b.dir, b.Bucket = dir, disk
	b.Keys = filewrap.New(filepath.Join(dir, "key"), func() (bool, error) { return false, nil })
}

// fromBefore makes the bank one from before entries were signed.
func (b *bank) fromBefore() {
	b.t.Helper()
	row := origin.Bank{ID: uuid.NewString(), Since: began, Format: 1}
	if err := origin.WriteBank(b.t.Context(), b.Table, origin.Bank{}, row); err != nil {
		b.t.Fatal(err)
	}
}

// commit puts entries into the journal.
func (b *bank) commit(entries ...*event.Entry) {
	b.t.Helper()
	for _, e := range entries {
		s := b.states[e.AccountID]
		for _, ev := range e.Events {
			var err error
			if s, err = account.Fold(s, ev); err != nil {
				b.t.Fatal(err)
			}
		}
		b.states[e.AccountID] = s
		if err := restorer.New(b.Table).Restore(b.t.Context(), e, s); err != nil {
			b.t.Fatal(err)
		}
	}
}

// publish puts entries on the stream.
func (b *bank) publish(entries ...*event.Entry) (puts []stream.PutResult) {
	b.t.Helper()
	for _, e := range entries {
		sealed, err := event.Seal(e, eventtest.Keys)
		if err != nil {
			b.t.Fatal(err)
		}
		put, err := b.stream.Put(b.t.Context(), events, []stream.Record{{PartitionKey: e.Tenant + "#" + e.AccountID, Data: sealed.Record}})
		if err != nil {
			b.t.Fatal(err)
		}
		puts = append(puts, put[0])
	}
	return puts
}

// archive publishes entries and seals them into one segment, as one shard's.
func (b *bank) archive(entries ...*event.Entry) (key, last string) {
	b.t.Helper()
	created, err := b.stream.Created(b.t.Context(), events)
	if err != nil {
		b.t.Fatal(err)
	}
	var w *segment.Writer
	var source segment.Source
	for i, put := range b.publish(entries...) {
		e := entries[i]
		if w == nil {
			source = segment.Source{Stream: b.Stream, Created: created, Shard: put.Shard}
			w = segment.NewWriter(1, "", source, b.links[source.String()])
		}
		last = put.Sequence
		if err := w.Append(segment.Record{Sequence: last, Arrived: began.UTC().Truncate(time.Microsecond), Entry: e}); err != nil {
			b.t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.Bucket.Create(b.t.Context(), sealed.Key, sealed.Data); err != nil {
		b.t.Fatal(err)
	}
	b.links[source.String()] = segment.Link{Key: sealed.Key, Last: last}
	return sealed.Key, last
}

// checkpoint records in the control table how far the archiver came in the only shard.
func (b *bank) checkpoint(sequence string) {
	b.t.Helper()
	created, err := b.stream.Created(b.t.Context(), events)
	if err != nil {
		b.t.Fatal(err)
	}
	key := table.Key{PK: "lease#" + events + "#" + archives, SK: "shardId-000000000000"}
	row := table.Row{Key: key, Attrs: table.Map{"checkpoint": table.S(sequence), "created": table.N(created.Unix()), "epoch": table.N(1)}}
	b.forget(key)
	if err := b.Table.Put(b.t.Context(), table.Put{Table: control.Name, Row: row, If: table.Absent()}); err != nil {
		b.t.Fatal(err)
	}
}

// forget removes a row of the control table, if it exists.
func (b *bank) forget(key table.Key) {
	b.t.Helper()
	row, err := b.Table.Get(b.t.Context(), control.Name, key, true)
	if err != nil {
		return
	}
	for name, value := range row.Attrs {
		if err := b.Table.Delete(b.t.Context(), control.Name, key, table.Equals(name, value)); err != nil {
			b.t.Fatal(err)
		}
		return
	}
}

// row returns the bank's row, zero without one.
func (b *bank) row() origin.Bank {
	b.t.Helper()
	row, err := origin.ReadBank(b.t.Context(), b.Table)
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

// id returns the bank's id in the control table, "" without one.
func (b *bank) id() string { return b.row().ID }

// loseRow and loseOwner remove one side of the tie.
func (b *bank) loseRow() { b.forget(table.Key{PK: "bank", SK: "-"}) }

func (b *bank) loseOwner() {
	b.t.Helper()
	if err := os.Remove(filepath.Join(b.dir, stores.OwnerKey)); err != nil {
		b.t.Fatal(err)
	}
}

// owner returns the owner of the archive.
func (b *bank) owner() *stores.Owner {
	b.t.Helper()
	o, err := stores.ReadOwner(b.t.Context(), b.Bucket)
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

// must fails the test unless err is a Disagreement with these texts; says "" means no error.
func must(t *testing.T, what string, err error, says, next string) {
	t.Helper()
	if says == "" {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return
	}
	d, ok := err.(*stores.Disagreement)
	if !ok || !strings.Contains(d.What, says) || !strings.Contains(d.Next, next) {
		t.Fatalf("%s: %#v, want %q and %q", what, err, says, next)
	}
}

// history returns entries of three accounts, in the order in which they were committed.
func history() []*event.Entry { return archivetest.Bank(1, 3, 60) }
