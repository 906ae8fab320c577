package withdraw

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// DueTable is the table of the read model whose due index the sweeper reads: that of the balances.
const DueTable = "balance"

const (
	// DefaultSweep is the pause between two sweeps. A hold that has run out binds no decision; the
	// sweep only writes it down.
	DefaultSweep = 2 * time.Second
	// sweepParallel is how many accounts a sweep asks at once, sweepMost how many it asks at all.
	sweepParallel = 16
	sweepMost     = 10_000
	// asked again after sweepPause, then at double that, up to sweepPauseMost: an account whose row
	// stands still stays listed.
	sweepPause     = 5 * time.Second
	sweepPauseMost = time.Hour
	// expireLimit is how long one account may take: one that hangs must not stop the sweeps.
	expireLimit = 5 * time.Second
)

// Sweeper has what runs out by itself, holds and limits, written down on accounts that get no
// commands. It is told by the index of what falls due, and asks twice rather than not at all: where
// nothing is due any more, nothing is committed. Any number of them may run.
type Sweeper struct {
	SweeperConfig
	asked map[readmodel.Due]asked
	// first is the digit that the next sweep begins with: when there is more than one sweep can
	// ask, every digit has its turn.
	first int
}

// asked is how often an account was asked and is still listed.
type asked struct {
	again time.Time
	pause time.Duration
}

// SweeperConfig configures a Sweeper. Table and Expire are required.
type SweeperConfig struct {
	// Table holds the balances' rows.
	Table table.Table
	// Expire sends the command of that name to an account; Service.Expire does.
	Expire func(ctx context.Context, a event.Account) error
	// Every is the pause between two sweeps; 0 is DefaultSweep.
	Every time.Duration
	// Log hears of what failed and will be tried again; nil is slog.Default.
	Log *slog.Logger
}

// NewSweeper makes a sweeper. It does nothing before Run.
func NewSweeper(c SweeperConfig) *Sweeper {
	if c.Every <= 0 {
		c.Every = DefaultSweep
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Sweeper{SweeperConfig: c, asked: map[readmodel.Due]asked{}}
}

// Run sweeps until ctx ends, and returns nil. It MUST be called once.
func (s *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for {
		if err := s.sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.Log.Warn("sweep failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep asks every account on which something fell due by now.
func (s *Sweeper) sweep(ctx context.Context, now time.Time) error {
	generation, _, err := readmodel.Generations(ctx, s.Table, DueTable)
	if err != nil {
		return err
	}
	r := round{now: now, generation: generation, listed: map[readmodel.Due]asked{}}
	g, bounded := errgroup.WithContext(ctx)
	g.SetLimit(sweepParallel)
	first := s.first
	s.first = (s.first + 1) % len(event.HashBuckets)
	for i := range len(event.HashBuckets) {
		if err = s.sweepDigit(bounded, g, event.HashBuckets[(first+i)%len(event.HashBuckets)], &r); err != nil {
			break
		}
	}
	waited := g.Wait()
	if err == nil {
		if r.asking == sweepMost { // what was not listed in this sweep is remembered for the next
			maps.Copy(s.asked, r.listed)
		} else {
			s.asked = r.listed
		}
		err = waited
	}
	return err
}

// round is one sweep: what it found listed, and how many accounts it asked. Those whose turn has
// not come again do not count, so that accounts which stay listed keep nobody else from being
// asked.
type round struct {
	now        time.Time
	generation int64
	listed     map[readmodel.Due]asked
	asking     int
}

// sweepDigit asks the accounts of one partition of the index. Those asked before wait for their
// turn.
func (s *Sweeper) sweepDigit(ctx context.Context, g *errgroup.Group, digit byte, r *round) error {
	for after := ""; r.asking < sweepMost; {
		due, next, err := readmodel.ListDue(ctx, s.Table, DueTable, r.generation, digit, r.now, after)
		if err != nil {
			return err
		}
		for _, d := range due {
			before := s.asked[d]
			if r.now.Before(before.again) {
				r.listed[d] = before
				continue
			}
			if r.asking == sweepMost {
				return nil
			}
			r.asking++
			pause := min(max(2*before.pause, sweepPause), sweepPauseMost)
			r.listed[d] = asked{again: r.now.Add(pause), pause: pause}
			g.Go(func() error { return s.expire(ctx, d) })
		}
		if after = next; after == "" {
			return nil
		}
	}
	return nil
}

// expire asks one account. A failure is the account's own: the others are asked all the same, and
// it is asked again later.
func (s *Sweeper) expire(ctx context.Context, d readmodel.Due) error {
	bounded, cancel := context.WithTimeout(ctx, expireLimit)
	defer cancel()
	if err := s.Expire(bounded, d.Account); err != nil && ctx.Err() == nil {
		s.Log.Warn("expire failed", "account", d.Account.String(), "due", d.At, "error", err)
	}
	return ctx.Err()
}
