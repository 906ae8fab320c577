package consumer

import (
	"cmp"
	"slices"
	"time"

	"passbook/shared/stream"
)

// sighting is a lease's epoch as this worker last saw it change. A lease whose epoch stands still
// on the observer's own clock for a whole lease belongs to a dead worker; no two machines' clocks
// are compared.
type sighting struct {
	epoch int64
	since time.Time
}

// sightings are what one worker has seen of the leases.
type sightings map[string]sighting

// observe takes note of the leases at a time of the monotonic clock.
func (s sightings) observe(leases map[string]lease, now time.Time) {
	for shard, l := range leases {
		if seen, ok := s[shard]; !ok || seen.epoch != l.epoch {
			s[shard] = sighting{l.epoch, now}
		}
	}
	for shard := range s {
		if _, ok := leases[shard]; !ok {
			delete(s, shard)
		}
	}
}

// still is for how long the lease has not been written.
func (s sightings) still(shard string, now time.Time) time.Duration { return now.Sub(s[shard].since) }

// survey is what a worker knows when it plans: the stream, the leases, and how long each stood
// still.
type survey struct {
	me string
	// exclusive: no other worker can be alive.
	exclusive bool
	length    time.Duration // of a lease
	created   int64
	shards    []stream.Shard
	leases    map[string]lease
	still     func(shard string) time.Duration
	// running are the shards that this worker reads, or whose reader has not returned yet.
	running map[string]bool
}

// plan is what a worker does after a survey.
type plan struct {
	acquire, claim, drop []lease
	// mine and ready count the shards: those of this worker after the plan, and all that can be
	// read now.
	mine, ready int
}

// holder is the live worker that has a lease or is about to be handed it, "" for none.
func (s survey) holder(l lease) string {
	switch {
	case l.owner == "" || s.dead(l):
		return ""
	case l.claim != "":
		return l.claim
	}
	return l.owner
}

func (s survey) dead(l lease) bool {
	return l.owner != s.me && (s.exclusive || s.still(l.shard) >= s.length)
}

// forsaken says that a lease is free and nobody took it, although each live worker has looked
// since: the share that would have room for it is that of a worker which died a moment ago.
func (s survey) forsaken(l lease) bool {
	return l.owner == "" && s.still(l.shard) >= min(surveyEvery, s.length/2)
}

// unread says whether a shard's lease is of this very stream and not at its end.
func (s survey) unread(l lease) bool { return l.created != s.created || !l.ended() }

// readable lists the leases of the shards that can be read now: not at their end, and all their
// parents at theirs. A shard that the stream no longer lists is readable too, if it was not read to
// its end: its reader will find the hole. drop lists the leases that mean nothing any more.
func (s survey) readable() (ready, drop []lease) {
	listed := map[string]bool{}
	for _, shard := range s.shards {
		listed[shard.ID] = true
		l, known := s.leases[shard.ID]
		if known && s.unread(l) && !slices.ContainsFunc(shard.Parents, s.unreadParent) {
			ready = append(ready, l)
		}
	}
	for id, l := range s.leases {
		switch {
		case listed[id]:
		case l.created == s.created && !l.ended():
			ready = append(ready, l)
		default:
			drop = append(drop, l)
		}
	}
	byShard := func(a, b lease) int { return cmp.Compare(a.shard, b.shard) }
	slices.SortFunc(ready, byShard)
	slices.SortFunc(drop, byShard)
	return ready, drop
}

// unreadParent says whether a parent must be read first. One without a lease was trimmed away
// before this consumer began.
func (s survey) unreadParent(id string) bool {
	l, known := s.leases[id]
	return known && s.unread(l)
}

// plan decides what this worker takes: free and dead shards up to an even share, shards that nobody
// took beyond it, and, by asking their owner, shards of a worker that has at least two more.
func (s survey) plan() plan {
	ready, drop := s.readable()
	p := plan{drop: drop, ready: len(ready)}
	held := map[string]int{s.me: 0}
	for _, l := range ready {
		if h := s.holder(l); h != "" {
			held[h]++
		}
	}
	share := (len(ready) + len(held) - 1) / len(held)
	for _, l := range ready {
		if s.running[l.shard] {
			continue
		}
		switch holder := s.holder(l); {
		case l.owner == s.me:
			p.acquire = append(p.acquire, l)
		case holder == "" && (held[s.me] < share || s.forsaken(l)):
			p.acquire = append(p.acquire, l)
			held[s.me]++
		}
	}
	p.claim = s.claims(ready, held)
	p.mine = held[s.me]
	return p
}

// claims picks the shards to ask for, and counts them as this worker's.
func (s survey) claims(ready []lease, held map[string]int) []lease {
	var claims []lease
	for _, l := range ready {
		richest := s.me
		for worker, n := range held {
			if n > held[richest] || n == held[richest] && worker < richest {
				richest = worker
			}
		}
		if held[richest] < held[s.me]+2 {
			break
		}
		if s.holder(l) == richest && l.claim == "" && !s.running[l.shard] {
			claims = append(claims, l)
			held[richest]--
			held[s.me]++
		}
	}
	return claims
}
