package readmodel

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/table"
)

// An empty model is filled from the journal once, when its worker starts, whether its checkpoints
// were lost too or not. A model that has rows, that a rebuild fills, or whose journal is empty, is
// not filled.
func TestEmptyModelIsFilledFromTheJournal(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(c *team, p *Projection[account.State])
		kept   bool // not checked, as a candidate
		empty  bool // the journal
		filled int64
	}{
		"never read":       {filled: 40},
		"rows lost":        {before: func(c *team, p *Projection[account.State]) { c.fill(p); c.loseRows() }, filled: 40},
		"rows there":       {before: func(c *team, p *Projection[account.State]) { c.fill(p) }},
		"a candidate":      {kept: true},
		"an empty journal": {empty: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTeam(t, 2)
				if !tt.empty {
					c.journal.commit(archivetest.Bank(6, 40, 80)...)
				}
				p := c.projection(testModel, 1)
				if tt.before != nil {
					tt.before(c, c.projection(testModel, 1)) // of an earlier start
				}
				var healed atomic.Int64
				for _, worker := range []string{"a", "b"} {
					c.start(worker, func(config *consumer.Config) {
						config.Open, config.Accounts = p.Open, c.journal.Accounts
						config.Heal = func(ctx context.Context, a event.Account) error {
							healed.Add(1)
							return p.Heal(ctx, a)
						}
						if !tt.kept {
							check := emptyCheck(p.rows, 1, c.journal)
							config.Empty = func(ctx context.Context, _ time.Time) (bool, error) {
								return check(ctx, archivetest.Start.AddDate(1, 0, 0))
							}
						}
					})
					time.Sleep(2 * testLease)
					c.halt(worker)
				}
				if healed.Load() != tt.filled || c.openHoles() != 0 {
					t.Errorf("%d accounts filled, want %d; %d holes open", healed.Load(), tt.filled, c.openHoles())
				}
				if tt.filled > 0 {
					c.check(1)
				}
			})
		})
	}
}

// fill brings a model up to the journal.
func (c *team) fill(p *Projection[account.State]) {
	c.t.Helper()
	for _, a := range c.journal.order {
		c.must(p.Heal(c.t.Context(), a))
	}
}

// loseRows removes every row of the model.
func (c *team) loseRows() {
	c.t.Helper()
	page, err := c.table.Scan(c.t.Context(), table.Scan{Table: testModel.Name, Of: 1})
	c.must(err)
	for _, row := range page.Rows {
		c.must(c.table.Delete(c.t.Context(), testModel.Name, row.Key, table.Equals("rev", row.Attrs["rev"])))
	}
}
