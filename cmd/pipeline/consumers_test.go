package pipeline

import (
	"context"
	"passbook/shared/event"
	"testing"

	"github.com/google/uuid"

	"passbook/archiver"
	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/strict"
)

// worker is what every consumer of a process says of itself.
func (b *bank) worker(c *strict.Client, owner string) consumer.Config {
	return consumer.Config{
		Stream: events, Owner: owner, Lease: lease, Table: c.Table(b.tables), Streams: c.Stream(b.streams), Log: quiet,
	}
}

// balances runs a process that keeps the read model of balances.
func (b *bank) balances() *strict.Client {
	c := strict.NewClient(roundTrip)
	rows := c.Table(b.tables)
	b.run(balance.NewProjector(balance.Config{
		Worker: b.worker(c, "balance"), Journal: journal.NewReader(rows), Store: balance.NewStore(rows),
	}).Run)
	return c
}

// limits runs a process that keeps the read model of lines of credit.
func (b *bank) limits() *strict.Client {
	c := strict.NewClient(roundTrip)
	rows := c.Table(b.tables)
	b.run(creditlimit.NewProjector(creditlimit.Config{
		Worker: b.worker(c, "creditlimit"), Journal: journal.NewReader(rows), Store: creditlimit.NewStore(rows), Notifications: notifications,
	}).Run)
	return c
}

// archive is a process that seals segments in a bucket.
type archive struct {
	*strict.Client
	*archiver.Archiver
	stop func()
}

// archive runs an archive with segments of the usual size and age.
func (b *bank) archive(root bucket.Bucket) archive {
	b.t.Helper()
	c := strict.NewClient(roundTrip)
	a, err := archiver.New(archiver.Config{Bucket: c.Bucket(root), Log: quiet})
	if err != nil {
		b.t.Fatal(err)
	}
	w := b.worker(c, "archiver "+uuid.NewString())
	w.Name, w.Open = archiver.Name, a.Open
	return archive{c, a, b.run(func(ctx context.Context) error { return consumer.New(w).Run(ctx) })}
}

// projected says whether both read models are at the head of every account.
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

// version is how far an account's row of a read model is.
func (b *bank) version(model string, a event.Account) int64 {
	row, err := b.store.Get(b.t.Context(), model, consumer.RowKey(1, a), true)
	if err != nil {
		return 0
	}
	return row.Attrs.Number("version")
}

// correct holds that the rows of balances say what the accounts' histories fold to.
func (b *bank) correct(t *testing.T, accounts ...event.Account) {
	t.Helper()
	store := balance.NewStore(b.store)
	for _, a := range accounts {
		want := b.state(a)
		row, err := store.Get(t.Context(), a)
		if err != nil || row.Version != want.Version || row.State.Posted != want.Posted || row.BlockedAt != 0 {
			t.Errorf("%s: row at v%d with %d, %v; the journal at v%d with %d", a.ID, row.Version, row.State.Posted, err, want.Version, want.Posted)
		}
	}
}
