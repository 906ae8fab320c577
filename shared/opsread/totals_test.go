package opsread

import (
	"fmt"
	"testing"

	"passbook/shared/archive"
)

// The totals of a day are kept as long as the day has the same segments, and days up to a bound.
func TestTotalsAreKeptWithTheirSegments(t *testing.T) {
	plan := func(keys ...string) (p archive.Plan) {
		for _, key := range keys {
			p.Segments = append(p.Segments, archive.Planned{Object: archive.Object{Key: key}})
		}
		return p
	}
	var k dayTotals
	before := keysOf(plan("a", "b"))
	k.keep("2026-11-30", before, DayTotals{Rows: 7})
	if kept, ok := k.get("2026-11-30", before); !ok || kept.Rows != 7 {
		t.Fatalf("%+v %v", kept, ok)
	}
	for _, other := range []archive.Plan{plan("a"), plan("a", "b", "c"), plan("ab"), plan()} {
		if _, ok := k.get("2026-11-30", keysOf(other)); ok {
			t.Errorf("the totals of two segments are those of %+v", other.Segments)
		}
	}
	for n := range 3 * maxKeptDays {
		k.keep(fmt.Sprint(n), before, DayTotals{})
	}
	if len(k.days) > maxKeptDays {
		t.Errorf("%d days are kept", len(k.days))
	}
}
