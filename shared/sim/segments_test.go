package sim

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

// copied is the stream whose segments have copies of the archiver's entries.
const copied = "copied"

// segments is what the segments of the archive have. In some runs there are copies of the
// archiver's entries beside them: again, in another order, in other shards, days earlier or later,
// and with other entries at the same versions, as of a bank that was begun again.
type segments struct {
	run *run
	// copies says that there are copies, hidesOriginals that compactors have only them.
	copies         bool
	hidesOriginals atomic.Bool

	mu      sync.Mutex
	byKey   map[string][]*event.Entry
	dealt   []*event.Entry
	waiting [][]*event.Entry
	sources []source
	records int
	forks   map[string]bool // by place, and whether it was named
}

// source is a shard of copies.
type source struct {
	segment.Source
	link segment.Link
	days int
}

func newSegments(r *run) *segments {
	s := &segments{run: r, byKey: map[string][]*event.Entry{}, forks: map[string]bool{}}
	draw := r.dice.of("copies")
	s.copies = draw.IntN(3) > 0
	s.hidesOriginals.Store(s.copies && draw.IntN(3) > 0)
	for i, days := range []int{-2, 0, 2} {
		s.sources = append(s.sources, source{days: days, Source: segment.Source{Stream: copied, Created: time.Now().Truncate(time.Second), Shard: fmt.Sprintf("shardId-%012d", i)}})
	}
	return s
}

// begunAgain returns the shard with the entries of another history.
func (s *segments) begunAgain() *source {
	if len(s.sources) == 3 {
		s.sources = append(s.sources, source{Source: segment.Source{Stream: copied, Created: s.sources[0].Created.Add(time.Hour), Shard: s.sources[0].Shard}})
	}
	return &s.sources[3]
}

// entries returns the entries of all segments that are there, not hidden
// and of no other history.
func (s *segments) entries(hides func(key string) bool) (all []*event.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, list := range s.byKey {
		if s.run.bucket.has(key) && !hides(key) {
			all = append(all, list...)
		}
	}
	return all
}

// add notes a segment that an archiver has sealed, and deals copies of its entries.
func (s *segments) add(sealed segment.Sealed) {
	var list []*event.Entry
	parsed, err := segment.Parse(sealed.Key, bytes.Clone(sealed.Data))
	must(err)
	for rec, err := range parsed.Records(segment.Exact) {
		must(err)
		list = append(list, rec.Entry)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byKey[sealed.Key] = list
	if !s.copies {
		return
	}
	draw := s.run.dice.of("deal")
	s.dealt = append(s.dealt, list...)
	for len(list) > 0 {
		n := min(1+draw.IntN(5), len(list))
		s.waiting, list = append(s.waiting, list[:n]), list[n:]
		if draw.IntN(6) == 0 {
			s.waiting = append(s.waiting, s.waiting[len(s.waiting)-1])
		}
	}
	for range draw.IntN(3) {
		s.seal(draw, 1+draw.IntN(3))
	}
	if draw.IntN(2) == 0 {
		s.fork(draw)
	}
}

// rest has the remaining copies sealed. Then, in some runs, compactors see the archiver's segments.
func (s *segments) rest(j *judge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.copies {
		return
	}
	draw, has := s.run.dice.of("rest"), map[event.Hash]bool{}
	for _, e := range s.dealt {
		has[e.Hash] = true
	}
	for _, a := range j.accounts() {
		for _, e := range j.entries[a] {
			if !has[e.Hash] { // the archiver was killed before it noted the segment
				s.waiting = append(s.waiting, []*event.Entry{e})
			}
		}
	}
	for len(s.waiting) > 0 {
		s.seal(draw, 4+draw.IntN(8))
	}
	if draw.IntN(2) == 0 {
		s.hidesOriginals.Store(false)
	}
}

// again seals copies of entries that the events table has, days later, and other entries at their
// versions.
func (s *segments) again() {
	s.mu.Lock()
	defer s.mu.Unlock()
	draw := s.run.dice.of("again")
	if !s.copies || len(s.dealt) == 0 {
		return
	}
	s.put(&s.sources[2], s.dealt[draw.IntN(len(s.dealt)):])
	s.fork(draw)
	s.fork(draw)
}

// seal seals a segment with so many parts of the waiting copies, in any order, in any shard.
func (s *segments) seal(draw *rand.Rand, parts int) {
	draw.Shuffle(len(s.waiting), func(i, j int) { s.waiting[i], s.waiting[j] = s.waiting[j], s.waiting[i] })
	n := min(parts, len(s.waiting))
	var list []*event.Entry
	for _, part := range s.waiting[:n] {
		list = append(list, part...)
	}
	s.waiting = s.waiting[n:]
	if len(list) > 0 {
		s.byKey[s.put(&s.sources[draw.IntN(3)], list)] = list
	}
}

// fork seals another entry at the versions of one that the events table has.
func (s *segments) fork(draw *rand.Rand) {
	if len(s.dealt) == 0 {
		return
	}
	from := s.dealt
	if draw.IntN(2) == 0 { // the newest entry of an account, as often as not
		from = from[max(0, len(from)-4):]
	}
	e := from[draw.IntN(len(from))]
	place := placeOf(e.Account(), e.First)
	if _, is := s.forks[place]; is || !s.run.tables.has(e) {
		return
	}
	other := *e
	other.Commands = slices.Clone(e.Commands)
	other.Commands[0].CorrelationID = "begun again"
	_, err := event.Seal(&other, eventtest.Keys)
	must(err)
	s.forks[place] = false
	s.put(s.begunAgain(), []*event.Entry{&other})
}

func placeOf(a event.Account, first int64) string { return fmt.Sprint(a, " v", first) }

// put puts a segment into the bucket.
func (s *segments) put(to *source, list []*event.Entry) (key string) {
	w := segment.NewWriter(2, eventtest.Bank, to.Source, to.link)
	arrived := time.Now().AddDate(0, 0, to.days)
	for _, e := range list {
		s.records++
		must(w.Append(segment.Record{Sequence: fmt.Sprint(1000 + s.records), Arrived: arrived, Entry: e}))
	}
	sealed, err := w.Seal()
	must(err)
	must(s.run.bucket.Create(context.Background(), sealed.Key, sealed.Data))
	to.link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
	return sealed.Key
}

// named notes that a run of the compactor named an entry as a fork, and reports whether it is one.
func (s *segments) named(a event.Account, first int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, is := s.forks[placeOf(a, first)]
	if is {
		s.forks[placeOf(a, first)] = true
	}
	return is
}

// unnamed returns the forks that no run has named.
func (s *segments) unnamed() (list []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, place := range slices.Sorted(maps.Keys(s.forks)) {
		if !s.forks[place] {
			list = append(list, place)
		}
	}
	return list
}
