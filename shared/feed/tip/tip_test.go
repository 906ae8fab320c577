package tip

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/stream"
)

// A reader that joins gets everything that follows its place; a place that is before what is kept
// is never accepted.
func TestReadersMissNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		began := time.Now()
		tip := &Tip{tips: &Tips{shards: map[string]*Tip{}}, changed: make(chan struct{})}
		tip.begins(true)
		var all []stream.Delivered
		n := rapid.IntRange(1, 60).Draw(t, "records")
		for i := range n {
			all = append(all, stream.Delivered{
				Record:   stream.Record{PartitionKey: "a", Data: make([]byte, rapid.IntRange(0, maxTipBytes/8).Draw(t, "bytes"))},
				Sequence: fmt.Sprint(100 + i), Arrived: began.Add(time.Duration(i) * time.Minute),
			})
		}
		for at := 0; at < n; {
			end := rapid.IntRange(at+1, n).Draw(t, "end")
			from := max(0, at-rapid.IntRange(0, 3).Draw(t, "again"))
			tip.add(stream.Batch{Records: all[from:end], Next: all[end-1].Sequence}, all[end-1].Sequence, all[end-1].Arrived)
			at = end
		}
		if tip.bytes > maxTipBytes && len(tip.records) > 1 {
			t.Fatalf("%d bytes of %d records are kept", tip.bytes, len(tip.records))
		}
		after := rapid.IntRange(0, n-1).Draw(t, "after")
		place := Place{After: all[after].Sequence, CaughtUp: all[after].Arrived}
		if rapid.Bool().Draw(t, "by time") {
			place.After = ""
		}
		r, joined := tip.Join(place)
		if !joined {
			if kept := tip.records[0].Sequence; place.After != "" && stream.CompareSequence(place.After, kept) >= 0 {
				t.Fatalf("not joined after %s, %s is kept", place.After, kept)
			}
			return
		}
		var got []string
		for {
			b, err := r.Read()
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Records) == 0 {
				break
			}
			for _, record := range b.Records {
				got = append(got, record.Sequence)
			}
		}
		var want []string
		for _, record := range all[after+1:] {
			want = append(want, record.Sequence)
		}
		if len(got) < len(want) || !slices.Equal(got[len(got)-len(want):], want) || place.After != "" && len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// All tips together keep no more than the bound, however many shards there are.
func TestAllTipsHaveOneBound(t *testing.T) {
	tips := &Tips{shards: map[string]*Tip{}}
	for i := range 64 {
		tips.shards[fmt.Sprint(i)] = &Tip{tips: tips, changed: make(chan struct{})}
	}
	total := 0
	for _, tip := range tips.shards {
		for i := range 40 {
			tip.add(stream.Batch{Records: []stream.Delivered{{Record: stream.Record{Data: make([]byte, 100<<10)}, Sequence: fmt.Sprint(1 + i)}}, Next: "1"}, "1", time.Now())
		}
		total += tip.bytes
	}
	if total > MaxBytes || total < MaxBytes/2 {
		t.Errorf("%d bytes are kept, at most %d", total, MaxBytes)
	}
}

// A reader that is too slow for what is kept is told so.
func TestASlowReaderIsToldThatItLostItsPlace(t *testing.T) {
	tips := &Tips{shards: map[string]*Tip{}}
	tip := &Tip{tips: tips, changed: make(chan struct{})}
	tip.add(stream.Batch{Next: "1"}, "1", time.Now())
	r, joined := tip.Join(Place{Latest: true})
	if !joined {
		t.Fatal("not joined")
	}
	for i := range 4 {
		tip.add(stream.Batch{Records: []stream.Delivered{{Record: stream.Record{Data: make([]byte, maxTipBytes/2)}, Sequence: fmt.Sprint(1 + i)}}, Next: "1"}, "1", time.Now())
	}
	if _, err := r.Read(); !errors.Is(err, ErrLost) {
		t.Errorf("%v", err)
	}
}
