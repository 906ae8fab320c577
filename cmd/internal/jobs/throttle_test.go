package jobs

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/faults"
	"passbook/shared/table"
)

func TestAJobWaitsForATableThatIsOverloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openBank(t)
		faulty := faults.NewTable(b.Table)
		retrying := throttledTable{faulty}
		put := table.Put{Table: Models[0], Row: table.Row{Key: table.Key{PK: "a", SK: "-"}}, If: table.Absent()}
		busy := faulty.Arm(&faults.Rule{Before: table.ErrThrottled}, 10)
		if err := retrying.Put(t.Context(), put); err != nil || busy.Fired() != 10 {
			t.Errorf("after %d refusals: %v", busy.Fired(), err)
		}
		other := errors.New("other")
		faulty.Arm(&faults.Rule{Before: other}, 1)
		if err := retrying.Transact(t.Context(), []table.Put{put}); !errors.Is(err, other) {
			t.Errorf("what may have happened is not repeated: %v", err)
		}
		faulty.Arm(&faults.Rule{Before: table.ErrThrottled}, 1<<30)
		began := time.Now()
		if err := retrying.Put(t.Context(), put); !errors.Is(err, table.ErrThrottled) || time.Since(began) > throttledMost+time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// Of the puts of one call those that were throttled are repeated, and no others.
func TestThrottledPutsOfACallAreRepeatedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faulty := faults.NewTable(openBank(t).Table)
		var puts []table.Put
		for _, pk := range []string{"a", "b", "c"} {
			puts = append(puts, table.Put{Table: Models[0], Row: table.Row{Key: table.Key{PK: pk, SK: "x"}}, If: table.Absent()})
		}
		rule := faulty.Arm(&faults.Rule{Before: table.ErrThrottled, Match: func(p table.Put) bool { return p.Row.PK == "b" }}, 3)
		for i, err := range (throttledTable{faulty}).PutEach(t.Context(), puts) {
			if err != nil {
				t.Errorf("put %d: %v", i, err)
			}
		}
		if rule.Fired() != 3 {
			t.Errorf("throttled %d times", rule.Fired())
		}
	})
}

// busyReads refuses the next reads.
type busyReads struct {
	table.Table
	left int
}

func (b *busyReads) refuse() error {
	if b.left--; b.left >= 0 {
		return fmt.Errorf("read: %w", table.ErrThrottled)
	}
	return nil
}

func (b *busyReads) Get(ctx context.Context, name string, k table.Key, consistent bool) (table.Row, error) {
	if err := b.refuse(); err != nil {
		return table.Row{}, err
	}
	return b.Table.Get(ctx, name, k, consistent)
}

func (b *busyReads) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if err := b.refuse(); err != nil {
		return table.Page{}, err
	}
	return b.Table.Query(ctx, q)
}

func (b *busyReads) Scan(ctx context.Context, s table.Scan) (table.Page, error) {
	if err := b.refuse(); err != nil {
		return table.Page{}, err
	}
	return b.Table.Scan(ctx, s)
}

func TestAJobWaitsToRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := &busyReads{Table: openBank(t).Table}
		retrying := throttledTable{busy}
		key := table.Key{PK: "a", SK: "-"}
		if err := retrying.Put(t.Context(), table.Put{Table: Models[0], Row: table.Row{Key: key}, If: table.Absent()}); err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]func() (int, error){
			"get": func() (int, error) {
				row, err := retrying.Get(t.Context(), Models[0], key, true)
				return len(row.PK), err
			},
			"query": func() (int, error) {
				page, err := retrying.Query(t.Context(), table.Query{Table: Models[0], PK: key.PK})
				return len(page.Rows), err
			},
			"scan": func() (int, error) {
				page, err := retrying.Scan(t.Context(), table.Scan{Table: Models[0], Of: 1})
				return len(page.Rows), err
			},
		} {
			busy.left = 10
			if n, err := read(); n != 1 || err != nil {
				t.Errorf("%s: %d rows, %v", name, n, err)
			}
			busy.left = 1 << 30
			began := time.Now()
			if _, err := read(); !errors.Is(err, table.ErrThrottled) || time.Since(began) > throttledMost+time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
		}
		busy.left = 0
		if _, err := retrying.Get(t.Context(), Models[0], table.Key{PK: "none", SK: "-"}, true); !errors.Is(err, table.ErrNotFound) {
			t.Error(err)
		}
	})
}
