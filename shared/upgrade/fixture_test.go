package upgrade

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/keywrap"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/origin"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	bankID = "6780970b-1945-4326-aa34-9114227a05cf"
	lease  = 10 * time.Second
)

// bank is a bank of format 1 with entries of some accounts.
type bank struct {
	t      *testing.T
	dir    string // of the bucket
	table  *faults.Table
	bucket bucket.Bucket
	keys   keywrap.Wrapper
	states map[string]account.State
	raised int
	// calls counts the calls that change something. The one that failAt names is lost: it is not
	// made, or, with after, made and not answered.
	calls  atomic.Int64
	failAt int64
	after  bool
}

func newBank(t *testing.T) *bank {
	t.Helper()
	dir := t.TempDir()
	disk, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &bank{
		t: t, dir: dir, table: storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table, bucket: disk, states: map[string]account.State{},
		keys: filewrap.New(filepath.Join(dir, "key"), func() (bool, error) { return false, nil }),
	}
	if err := origin.WriteBank(t.Context(), b.table, origin.Bank{}, origin.Bank{ID: bankID, Since: time.Now(), Format: 1}); err != nil {
		t.Fatal(err)
	}
	return b
}

// config returns the configuration of an upgrade on stores that nobody else uses.
func (b *bank) config() Config {
	return Config{
		Table: b.table, Bucket: lossyBucket{b.bucket, b}, Keys: lossyKeys{b.keys, b}, Journal: journal.NewReader(b.table),
		Stream: "events", Consumers: []string{"archiver"}, Models: []string{"balance"}, Lease: lease, Exclusive: true,
		RaiseFormat: func(context.Context) error {
			return b.lose(func() error { b.raised++; return nil })
		},
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
		if err := restorer.New(b.table).Restore(b.t.Context(), e, s); err != nil {
			b.t.Fatal(err)
		}
	}
}

// row returns the bank's row.
func (b *bank) row() origin.Bank {
	b.t.Helper()
	row, err := origin.ReadBank(b.t.Context(), b.table)
	if err != nil {
		b.t.Fatal(err)
	}
	return row
}

// errKilled is what a call returns at which the process ended.
var errKilled = fmt.Errorf("killed")

// lose makes a call that changes something, unless it is the one that is lost.
func (b *bank) lose(call func() error) error {
	if b.calls.Add(1) != b.failAt {
		return call()
	}
	if b.after {
		_ = call() // what it answered is lost
	}
	return errKilled
}

// loseWrites counts the writes of the table with the other calls.
func (b *bank) loseWrites() {
	rule := &faults.Rule{Match: func(table.Put) bool { return b.calls.Add(1) == b.failAt }, Before: errKilled}
	if b.after {
		rule.Before, rule.After = nil, errKilled
	}
	b.table.Arm(rule, 1)
}

type lossyBucket struct {
	bucket.Bucket
	bank *bank
}

func (l lossyBucket) Create(ctx context.Context, key string, data []byte) error {
	return l.bank.lose(func() error { return l.Bucket.Create(ctx, key, data) })
}

type lossyKeys struct {
	keywrap.Wrapper
	bank *bank
}

func (l lossyKeys) Wrap(ctx context.Context, id string, plain []byte) (wrapped []byte, err error) {
	err = l.bank.lose(func() error {
		wrapped, err = l.Wrapper.Wrap(ctx, id, plain)
		return err
	})
	return wrapped, err
}

// history returns entries of three accounts of format 1.
func history() []*event.Entry { return archivetest.Bank(1, 3, 30) }

// last returns the last of some entries of each account.
func last(entries []*event.Entry) map[event.Account]*event.Entry {
	heads := map[event.Account]*event.Entry{}
	for _, e := range entries {
		heads[e.Account()] = e
	}
	return heads
}

// checkHeads checks that the manifest that the row names has exactly the last of some entries of
// each account.
func (b *bank) checkHeads(entries []*event.Entry) {
	b.t.Helper()
	heads, err := origin.LoadHeads(b.t.Context(), b.bucket, b.row().Heads)
	if err != nil {
		b.t.Fatal(err)
	}
	want := last(entries)
	if heads.Accounts() != int64(len(want)) {
		b.t.Errorf("%d heads, want %d", heads.Accounts(), len(want))
	}
	for a, e := range want {
		head, found, err := heads.Of(b.t.Context(), a)
		if err != nil || !found || head.Version != e.Last || head.Hash != e.Hash {
			b.t.Errorf("%s: head %+v, %v, %v; want v%d %s", a, head, found, err, e.Last, e.Hash)
		}
	}
}

// newEmpty returns tables of no bank.
func newEmpty(t *testing.T) table.Table {
	return storetest.Memory(t, pebblestream.Options{}, journal.Schemas...).Table
}
