package pipeline

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"passbook/archiver"
	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
)

// runtime returns what the consumers of a process share.
func (b *bank) runtime(c *faults.Client, owner string) consumer.Runtime {
	return consumer.Runtime{
		Stream: events, Owner: owner, Lease: lease, Table: c.Table(b.tables), Streams: c.Stream(b.streams), Log: quiet,
	}
}

// balances runs a process that keeps the read model of balances.
func (b *bank) balances() *faults.Client {
	c := faults.NewClient(roundTrip)
	rows := c.Table(b.tables)
	b.run(balance.NewProjector(balance.Config{
		Runtime: b.runtime(c, "balance"), Journal: journal.NewReader(rows), Store: balance.NewStore(rows, 0),
	}).Run)
	return c
}

// limits runs a process that keeps the read model of lines of credit.
func (b *bank) limits() *faults.Client {
	c := faults.NewClient(roundTrip)
	rows := c.Table(b.tables)
	b.run(creditlimit.NewProjector(creditlimit.Config{
		Runtime: b.runtime(c, "creditlimit"), Journal: journal.NewReader(rows), Store: creditlimit.NewStore(rows, 0), Notifications: notifications,
	}).Run)
	return c
}

// archive is a process that seals segments in a bucket.
type archive struct {
	*faults.Client
	*archiver.Archiver
	stop func()
}

// archive runs an archive with segments of the usual size and age.
func (b *bank) archive(root bucket.Bucket) archive {
	b.t.Helper()
	c := faults.NewClient(roundTrip)
	a, err := archiver.New(archiver.Config{Bucket: c.Bucket(root), Bank: eventtest.Bank, Format: eventtest.Origin{}.Format, Log: quiet})
	if err != nil {
		b.t.Fatal(err)
	}
	w := consumer.Config{Runtime: b.runtime(c, "archiver "+uuid.NewString()), Name: archiver.Name, Open: a.Open}
	return archive{c, a, b.run(func(ctx context.Context) error { return consumer.New(w).Run(ctx) })}
}

// projected reports whether both read models are at the head of every account.
func (b *bank) projected(accounts ...event.Account) bool {
	for _, a := range accounts {
		head, err := b.history.Head(b.t.Context(), a)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, model := range []string{balance.Table, creditlimit.Table} {
			if b.version(model, a) != head.State.Version {
				return false
			}
		}
	}
	return true
}

// version returns how far an account's row of a read model is.
func (b *bank) version(model string, a event.Account) int64 {
	row, err := b.store.Get(b.t.Context(), model, readmodel.RowKey(1, a), true)
	if err != nil {
		return 0
	}
	return row.Attrs.Number("version")
}

// correct checks that the rows of balances say what the accounts' histories fold to.
func (b *bank) correct(t *testing.T, accounts ...event.Account) {
	t.Helper()
	store := balance.NewStore(b.store, 0)
	for _, a := range accounts {
		want := b.state(a)
		row, err := store.Get(t.Context(), a)
		if err != nil || row.Version != want.Version || row.State.Posted != want.Posted || row.QuarantinedAt != 0 {
			t.Errorf("%s: row at v%d with %d, %v; the journal at v%d with %d", a.ID, row.Version, row.State.Posted, err, want.Version, want.Posted)
		}
	}
}

// A shard allows 5 reads a second. With every consumer on, and a generation of the balances being
// rebuilt beside the live one, they read it less often, and none is refused.
func TestReadsOfAShardWithEverythingOn(t *testing.T) {
	warm(t)
	root, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(t, 2)
		a := l.archive(root)
		defer a.stop()
		if _, err := readmodel.StartCandidate(t.Context(), l.store, balance.Table, nil); err != nil {
			t.Fatal(err)
		}
		counts := func() faults.Counts { return l.counts().Add(a.Snapshot()) }
		time.Sleep(lease)
		before, began := counts(), time.Now()
		for n := range 120 {
			l.round(n, 1)
			time.Sleep(500 * time.Millisecond)
		}
		got := counts().Sub(before)
		if each := got.Of(faults.Gets, events) / time.Since(began).Seconds(); each > 5 || each < 4 {
			t.Errorf("%.2f reads of the shard a second", each)
		}
		if refused := got.Of(faults.Throttled, events); refused != 0 {
			t.Errorf("%v reads were refused", refused)
		}
		l.within(5*time.Second, "all is projected", func() bool { return l.projected(l.accounts...) })
		if _, err := l.store.Get(t.Context(), balance.Table, readmodel.RowKey(2, l.accounts[0]), true); err != nil {
			t.Errorf("the generation that is rebuilt: %v", err)
		}
	})
}
