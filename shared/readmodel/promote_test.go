package readmodel

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/faults"
	"passbook/shared/table"
)

// candidate returns a bank with candidate generation 2 of model "m", and a faulty decorator of its
// table.
func candidate(t *testing.T) (*bank, *faults.Table) {
	t.Helper()
	b := newBank(t, 1)
	_, err := StartCandidate(t.Context(), b.table, "m", nil)
	b.must(err)
	return b, faults.NewTable(b.table)
}

// generations fails the test unless model "m" has these generations.
func (b *bank) generations(live, candidate, promoting int64) {
	b.t.Helper()
	g, err := LoadGenerations(b.t.Context(), b.table, "m")
	if g.Live != live || g.Candidate != candidate || g.Promoting != promoting || err != nil {
		b.t.Errorf("live %d, candidate %d, promoting %d, %v; want %d, %d and %d", g.Live, g.Candidate, g.Promoting, err, live, candidate, promoting)
	}
}

// A promotion that was interrupted leaves nothing that readers wait for, and can be repeated.
func TestInterruptedPromotionCanBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := candidate(t)
		cut, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Promote(cut, b.table, "m", 2) }()
		time.Sleep(generationRefresh)
		b.generations(1, 2, 2)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("promoted with %v", err)
		}
		b.generations(1, 2, 0)
		b.must(Promote(t.Context(), b.table, "m", 2))
		b.generations(2, 0, 0)
	})
}

// A process that was killed leaves its candidate promoting. Another process can promote it, unless
// it is being discarded.
func TestPromotionOfAKilledProcessCanBeFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, discarded := range []bool{false, true} {
			b, _ := candidate(t)
			_, err := changeGenerations(t.Context(), b.table, "m", func(g *GenerationSet) error {
				if g.Promoting = 2; discarded {
					g.Discarding = 2
				}
				return nil
			})
			b.must(err)
			err = Promote(t.Context(), b.table, "m", 2)
			if discarded {
				if !errors.Is(err, ErrGeneration) {
					t.Errorf("promoted with %v", err)
				}
				b.generations(1, 2, 0)
				continue
			}
			b.must(err)
			b.generations(2, 0, 0)
		}
	})
}

// The store accepts the first change of a promotion and refuses the second.
func TestPromotionRefusedHalfWayIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, faulty := candidate(t)
		flips := func(p table.Put) bool { return p.Row.Attrs.Number("live") == 2 }
		refused := faulty.Arm(&faults.Rule{Match: flips, Before: table.ErrRefused}, 1)
		if err := Promote(t.Context(), faulty, "m", 2); !errors.Is(err, table.ErrRefused) || refused.Fired() != 1 {
			t.Errorf("after %d refusals: %v", refused.Fired(), err)
		}
		b.generations(1, 2, 0)
	})
}

// A failure that may pass is retried, and a change whose answer was lost is not made twice.
func TestPromotionSurvivesFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("answer lost")
		for _, rule := range []*faults.Rule{
			{Before: table.ErrThrottled}, {Before: table.ErrConflict}, {Before: table.ErrConditionFailed}, {Before: lost}, {After: lost},
		} {
			b, faulty := candidate(t)
			times := 5
			if rule.After != nil {
				times = 2 // one for each step
			}
			faulty.Arm(rule, times)
			b.must(Promote(t.Context(), faulty, "m", 2))
			b.generations(2, 0, 0)
			if rule.Fired() != times {
				t.Errorf("%v fired %d times", rule, rule.Fired())
			}
		}
	})
}

// A change that cannot be made ends, even under a context without a deadline, and at once if no
// retry helps.
func TestChangeOfGenerationsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unknown := errors.New("unknown")
		for _, c := range []struct {
			err  error
			most time.Duration
		}{
			{table.ErrRefused, 0}, {table.ErrInvalid, 0},
			{table.ErrThrottled, changeTimeout}, {table.ErrConditionFailed, changeTimeout}, {unknown, changeTimeout},
		} {
			_, faulty := candidate(t)
			rule := faulty.Arm(&faults.Rule{Before: c.err}, 1<<30)
			began := time.Now()
			_, err := changeGenerations(context.Background(), faulty, "m", func(g *GenerationSet) error { g.Promoting = 2; return nil })
			if took := time.Since(began); !errors.Is(err, c.err) || took > c.most || took < c.most/2 {
				t.Errorf("%v after %v, want %v within %v", err, took, c.err, c.most)
			}
			if once := rule.Fired() == 1; once != (c.most == 0) {
				t.Errorf("%v: tried %d times", c.err, rule.Fired())
			}
		}
	})
}
