package verify_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/archive/versions"
	"passbook/shared/archivelog/verify"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

func entriesOf(records []segment.Record) (entries []*event.Entry) {
	for _, r := range records {
		if r.Entry != nil {
			entries = append(entries, r.Entry)
		}
	}
	return entries
}

// Entries are archived again by a repair, and late where a shard had to wait: in the log they may
// come in any order, and more than once.
func TestEntriesMayComeLateAndAgain(t *testing.T) {
	records := archivetest.Records(archivetest.Signed(archivetest.Bank(3, 3, 24)))
	for name, order := range map[string][]int{
		"the last first": {5, 4, 3, 2, 1, 0}, "the second late": {0, 2, 3, 4, 5, 1}, "all again": {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5},
		"some again before they are due": {0, 4, 4, 1, 2, 3, 4, 5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCopy(t, eventtest.Bank)
			for i, n := range order {
				c.add(seal(t, c.bank, fmt.Sprintf("s%02d", i), records[4*n:4*n+4])...)
			}
			c.keep()
			for _, accounts := range []int{0, 30} {
				if r, err := c.verify(accounts); err != nil || r.Accounts != 3 {
					t.Errorf("%+v, %v", r, err)
				}
			}
		})
	}
}

// Of two histories of an account, both signed by the bank, one is not in its chain, wherever it
// comes in the log.
func TestTwoHistoriesOfAnAccountAreNamed(t *testing.T) {
	records := archivetest.Records(archivetest.Signed(archivetest.Bank(3, 1, 24)))
	other := remade(records, 9, false)[8:12]
	for _, place := range []int{0, 2, 3, 6} {
		t.Run(fmt.Sprint(place), func(t *testing.T) {
			c := newCopy(t, eventtest.Bank)
			all := seal(t, c.bank, "s1", records)
			forked := seal(t, c.bank, "s2", other)
			c.add(slices.Insert(slices.Clone(all), place, forked...)...)
			c.keep()
			r, err := c.verify(0)
			if !errors.Is(err, verify.ErrDifference) {
				t.Fatal(err)
			}
			want := fmt.Sprintf("%s v%d: ", other[1].Entry.Account(), other[1].Entry.First)
			if !slices.ContainsFunc(r.Findings, func(f versions.Finding) bool { return strings.Contains(f.String(), want) }) {
				t.Errorf("no finding of %sin %v", want, r.Findings)
			}
		})
	}
}
