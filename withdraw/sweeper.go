package withdraw

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/readmodel/due"
	"passbook/shared/table"
	"passbook/shared/telemetry"
)

// DueTable is the read model whose due index the sweeper reads: that of the balances.
const DueTable = "balance"

const (
	// DefaultSweep is the pause between two sweeps. An expired hold or limit binds no decision; the
	// sweep only records its end.
	DefaultSweep = 2 * time.Second
	// sweepParallel is how many accounts a sweep expires at once, sweepMost how many in all.
	sweepParallel = 16
	sweepMost     = 10_000
	// An account that stays listed is tried again after retryFirst, then after twice as long each
	// time, up to retryMost: the row of a quarantined account does not advance.
	retryFirst = 5 * time.Second
	retryMost  = time.Hour
	// expireLimit is how long one account may take, so that one that hangs does not stop the sweep.
	expireLimit = 5 * time.Second
)

// Sweeper records the expiry of holds and limits on accounts that get no commands. It finds them in
// the index of due accounts, and rather tries an account twice than never: where nothing is due any
// more, nothing is committed. Several may run at once.
type Sweeper struct {
	config SweeperConfig
	tried  map[due.Account]attempt
	// first is the hash bucket that the next sweep begins with: when more accounts are due than one
	// sweep may try, every bucket has its turn.
	first int
}

// attempt is when an account that was tried and is still listed is tried again.
type attempt struct {
	again time.Time
	pause time.Duration
}

// SweeperConfig configures a Sweeper. Table and Expire are required.
type SweeperConfig struct {
	// Table has the rows of balances.
	Table table.Table
	// Expire sends the command of ExpireOperation to an account. ctx has its correlation id.
	Expire func(ctx context.Context, a event.Account) error
	// Every is the pause between two sweeps; 0 is DefaultSweep.
	Every time.Duration
	// Now is the clock; nil is time.Now. Moved, if it is not nil, gets a value when the clock has
	// jumped, after which a sweep begins at once.
	Now   func() time.Time
	Moved <-chan struct{}
	// Log gets the failures, which are tried again; nil is slog.Default.
	Log *slog.Logger
}

// NewSweeper makes a sweeper. It does nothing before Run.
func NewSweeper(c SweeperConfig) *Sweeper {
	if c.Every <= 0 {
		c.Every = DefaultSweep
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Sweeper{config: c, tried: map[due.Account]attempt{}}
}

// Run sweeps until ctx ends, and returns nil. It MUST be called once.
func (s *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(s.config.Every)
	defer tick.Stop()
	for {
		if err := s.sweep(ctx, s.config.Now()); err != nil && ctx.Err() == nil {
			s.config.Log.Warn("cannot list accounts with expired holds or limits; the next sweep tries again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.config.Moved:
		}
	}
}

// sweep expires every account on which something is due.
func (s *Sweeper) sweep(ctx context.Context, now time.Time) error {
	generation, _, err := readmodel.Generations(ctx, s.config.Table, DueTable)
	if err != nil {
		return err
	}
	r := round{now: now, generation: generation, listed: map[due.Account]attempt{}}
	g, bounded := errgroup.WithContext(ctx)
	g.SetLimit(sweepParallel)
	first := s.first
	s.first = (s.first + 1) % len(event.HashBuckets)
	for i := range len(event.HashBuckets) {
		if err = s.sweepBucket(bounded, g, event.HashBuckets[(first+i)%len(event.HashBuckets)], &r); err != nil {
			break
		}
	}
	waited := g.Wait()
	if err != nil {
		return err
	}
	if r.tries == sweepMost { // accounts that this sweep did not come to are kept for the next
		maps.Copy(s.tried, r.listed)
	} else {
		s.tried = r.listed
	}
	return waited
}

// round is one sweep: the accounts that it found listed, and how many of them it tried. Those whose
// pause has not ended do not count, so that accounts which stay listed do not use up sweepMost.
type round struct {
	now        time.Time
	generation int64
	listed     map[due.Account]attempt
	tries      int
}

// sweepBucket expires the accounts of one partition of the index, except those whose pause has not
// ended.
func (s *Sweeper) sweepBucket(ctx context.Context, g *errgroup.Group, bucket byte, r *round) error {
	for after := ""; r.tries < sweepMost; {
		expired, next, err := due.List(ctx, s.config.Table, DueTable, r.generation, bucket, r.now, after)
		if err != nil {
			return err
		}
		for _, d := range expired {
			before := s.tried[d]
			if r.now.Before(before.again) {
				r.listed[d] = before
				continue
			}
			if r.tries == sweepMost {
				return nil
			}
			r.tries++
			pause := min(max(2*before.pause, retryFirst), retryMost)
			r.listed[d] = attempt{again: r.now.Add(pause), pause: pause}
			g.Go(func() error { return s.expire(ctx, d) })
		}
		if after = next; after == "" {
			return nil
		}
	}
	return nil
}

// expire expires one account. When that fails the others are still tried, and this one is tried
// again later.
func (s *Sweeper) expire(ctx context.Context, d due.Account) error {
	bounded, cancel := context.WithTimeout(telemetry.WithCorrelation(ctx, "sweep-"+uuid.NewString()), expireLimit)
	defer cancel()
	if err := s.config.Expire(bounded, d.Account); err != nil && ctx.Err() == nil {
		s.config.Log.WarnContext(bounded, "cannot record what expired on an account; it is tried again", "account", d.Account.String(), "due", d.At, "error", err)
	}
	return ctx.Err()
}
