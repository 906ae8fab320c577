package readmodel

import (
	"math/big"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/stream"
)

// Records that were trimmed before the projection read them reach the rows from the journal, also
// of accounts that get no record any more.
func TestHoleIsHealedInTheRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 3)
		entries := archivetest.Bank(6, 40, 400)
		c.journal.commit(entries...)
		c.project(testModel, c.table)
		c.publish(entries[:100]...)
		c.within(time.Second, "read", func() bool { return c.row(1, entries[0].Account()).Version > 0 })
		time.Sleep(2 * time.Second)
		c.halt("projector")
		c.publish(entries[100:380]...)
		c.trimAll()
		c.publish(entries[380:]...)
		c.project(testModel, c.table)
		c.within(2*testLease, "healed", func() bool {
			holes, err := consumer.Holes(t.Context(), c.table, testStream, Name(testModel.Name, 1))
			c.must(err)
			return len(holes) == 3 && c.openHoles() == 0
		})
		c.check(1)
	})
}

// trimAll trims every record of the stream.
func (c *team) trimAll() {
	c.t.Helper()
	ctx := c.t.Context()
	for _, s := range c.shards() {
		last := ""
		iterator, err := c.streams.Iterator(ctx, testStream, s.ID, stream.Position{})
		c.must(err)
		for {
			got, err := c.streams.Get(ctx, iterator, stream.MaxGetRecords)
			c.must(err)
			if len(got.Records) == 0 {
				break
			}
			last, iterator = got.Records[len(got.Records)-1].Sequence, got.Next
		}
		n, ok := new(big.Int).SetString(last, 10)
		if !ok {
			c.t.Fatalf("sequence %q", last)
		}
		c.must(c.streams.Trim(ctx, testStream, s.ID, n.Add(n, big.NewInt(1)).String()))
	}
}
