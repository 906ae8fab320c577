package pipeline

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"passbook/archiver"
	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/bucket"
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
		Runtime: b.runtime(c, "balance"), Journal: journal.NewReader(rows), Store: balance.NewStore(rows),
	}).Run)
	return c
}

// limits runs a process that keeps the read model of lines of credit.
func (b *bank) limits() *faults.Client {
	c := faults.NewClient(roundTrip)
	rows := c.Table(b.tables)
	b.run(creditlimit.NewProjector(creditlimit.Config{
		Runtime: b.runtime(c, "creditlimit"), Journal: journal.NewReader(rows), Store: creditlimit.NewStore(rows), Notifications: notifications,
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
	store := balance.NewStore(b.store)
	for _, a := range accounts {
		want := b.state(a)
		row, err := store.Get(t.Context(), a)
		if err != nil || row.Version != want.Version || row.State.Posted != want.Posted || row.QuarantinedAt != 0 {
			t.Errorf("%s: row at v%d with %d, %v; the journal at v%d with %d", a.ID, row.Version, row.State.Posted, err, want.Version, want.Posted)
		}
	}
}
