package past_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/replay/past"
	"passbook/shared/segment"
)

var far = past.At{Time: archivetest.Start.AddDate(1, 0, 0)}

// add adds entries in their order, and divides the pass after each.
func add(p *past.Pass, entries []*event.Entry) (dropped []past.Part) {
	for i, e := range entries {
		at := archive.Position{Source: segment.Source{Stream: "s"}, Arrived: archivetest.Start.Add(time.Duration(i))}
		p.Add(e, at, false)
		dropped = append(dropped, p.Divide()...)
	}
	return dropped
}

// fold returns the state after all entries, folded one after the other.
func fold(t *testing.T, entries []*event.Entry, of event.Account) (s account.State) {
	t.Helper()
	for _, e := range entries {
		for _, ev := range e.Events {
			var err error
			if e.Account() != of {
				continue
			}
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func TestAccountsThatDoNotFitAreForAnotherPass(t *testing.T) {
	entries := archivetest.Bank(1, 40, 400)
	seen := map[event.Account]bool{}
	passes := 0
	for left := []past.Part{past.All}; len(left) > 0; passes++ {
		p := past.NewPass(far, left[0], 15)
		left = append(left[1:], add(p, entries)...)
		folded, odd := p.Each()
		if len(folded) > 15 || len(odd) > 0 {
			t.Fatalf("%d accounts at once, %d odd", len(folded), len(odd))
		}
		for _, a := range folded {
			want := fold(t, entries, a.Account)
			if string(account.AppendState(nil, a.State)) != string(account.AppendState(nil, want)) || seen[a.Account] {
				t.Errorf("%s: %+v, want %+v; again: %v", a.Account, a.State, want, seen[a.Account])
			}
			seen[a.Account] = true
		}
	}
	if len(seen) != 40 || passes < 3 {
		t.Errorf("%d accounts in %d passes", len(seen), passes)
	}
}

func TestEntriesWaitForThoseBeforeThem(t *testing.T) {
	entries := archivetest.Bank(2, 5, 300)
	mixed := slices.Clone(entries)
	random := rand.New(rand.NewPCG(1, 1))
	random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	p := past.NewPass(far, past.All, 1000)
	add(p, mixed)
	folded, odd := p.Each()
	if len(folded) != 5 || len(odd) != 0 {
		t.Fatalf("%d folded, %v odd", len(folded), odd)
	}
	for _, a := range folded {
		if want := fold(t, entries, a.Account); a.Last != want.Version || a.State.Posted != want.Posted {
			t.Errorf("%s: %+v, want %+v", a.Account, a.State, want)
		}
	}
}

// What is not plain has to be judged from the whole history.
func TestAnAccountIsOdd(t *testing.T) {
	entries := archivetest.Bank(3, 1, 30)
	other := archivetest.Bank(4, 1, 30)
	changed := *entries[29]
	changed.Events = slices.Clone(changed.Events)
	changed.Events[0].After.Posted++
	unchained := *entries[29]
	unchained.Prev[0]++
	for name, tt := range map[string]struct {
		entries []*event.Entry
		odd     bool
	}{
		"plain":                      {entries, false},
		"the newest twice":           {append(slices.Clone(entries), entries[29]), false},
		"an older one twice":         {append(slices.Clone(entries), entries[28]), true},
		"a gap":                      {append(slices.Clone(entries[:10]), entries[11:]...), true},
		"no beginning":               {entries[1:], true},
		"another entry at a version": {append(slices.Clone(entries), other[5]), true},
		"two entries that wait, and differ": {[]*event.Entry{entries[0], entries[2], {
			Tenant: "main", AccountID: "A-0", First: entries[2].First, Last: entries[2].Last}, entries[1]}, true},
		"another balance":   {append(slices.Clone(entries[:29]), &changed), true},
		"a prev of another": {append(slices.Clone(entries[:29]), &unchained), true},
	} {
		p := past.NewPass(far, past.All, 1000)
		add(p, tt.entries)
		folded, odd := p.Each()
		if len(odd) == 1 != tt.odd || len(folded)+len(odd) != 1 {
			t.Errorf("%s: %d folded, %v odd", name, len(folded), odd)
		}
		var events int64
		for _, e := range tt.entries {
			events += int64(len(e.Events))
		}
		for _, a := range append(folded, odd...) {
			if a.Events() != events {
				t.Errorf("%s: %d events, want %d", name, a.Events(), events)
			}
		}
	}
}

func TestAnAccountWhoseWaitingEntriesDoNotFitIsOdd(t *testing.T) {
	entries := archivetest.Bank(5, 1, 40)
	p := past.NewPass(far, past.All, 20)
	if dropped := add(p, entries[1:]); dropped != nil {
		t.Errorf("dropped %v", dropped)
	}
	if folded, odd := p.Each(); len(folded) != 0 || len(odd) != 1 {
		t.Errorf("%v folded, %v odd", folded, odd)
	}
}
