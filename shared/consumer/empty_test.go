package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
)

// A consumer whose store is empty beside a journal that is not has every account healed when its
// worker starts, and once.
func TestEmptyStoreIsFilledFromTheJournal(t *testing.T) {
	for _, empty := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := newTeam(t, 2)
			entries := archivetest.Bank(6, 40, 80)
			c.journal.commit(entries...)
			l := c.ledger()
			asked := 0
			for _, worker := range []string{"a", "b"} {
				c.start(worker, func(config *Config) {
					c.heal(l)(config)
					config.Empty = func(_ context.Context, created time.Time) (bool, error) {
						if now, err := c.streams.Created(t.Context(), testStream); err != nil || !now.Equal(created) {
							t.Errorf("the stream was created at %v, %v; asked with %v", now, err, created)
						}
						asked++
						return empty && l.version(entries[0].Account()) == 0, nil
					}
				})
				time.Sleep(2 * testLease)
				c.halt(worker)
			}
			want := 0
			if empty {
				want = 2
				l.check()
			}
			if n := c.foundHoles(); n != want || c.openHoles() != 0 || asked != 2 {
				t.Errorf("%d holes, want %d; %d open; asked %d times", n, want, c.openHoles(), asked)
			}
		})
	}
}
