package consumer

import (
	"cmp"
	"slices"
	"time"

	"passbook/shared/stream"
)

// snapshot is what a worker knows when it plans: the shards of the stream, the leases, and for how
// long each lease has not been written.
type snapshot struct {
	me string
	// exclusive is set when no other worker can be alive.
	exclusive bool
	length    time.Duration // of a lease
	created   int64
	shards    []stream.Shard
	leases    map[string]lease
	silent    func(shard string) time.Duration
	// running are the shards that this worker reads, or whose reader has not returned yet.
	running map[string]bool
}

// plan is what a worker does after a snapshot.
type plan struct {
	acquire, claim, drop []lease
	// mine and ready count shards: those of this worker after the plan, and all that can be read
	// now.
	mine, ready int
}

// liveOwner returns the live worker that has a lease or is about to be handed it, "" for none.
func (s snapshot) liveOwner(l lease) string {
	switch {
	case l.owner == "" || s.expired(l):
		return ""
	case l.claim != "":
		return l.claim
	}
	return l.owner
}

// expired reports whether the owner of a lease is dead: it has not written the lease for the length
// of one.
func (s snapshot) expired(l lease) bool {
	return l.owner != s.me && (s.exclusive || s.silent(l.shard) >= s.length)
}

// orphaned reports whether a lease has no owner although every live worker had the time to take it.
// A worker that just died still counts in the shares; the shard that it leaves is then taken beyond
// them.
func (s snapshot) orphaned(l lease) bool {
	return l.owner == "" && s.silent(l.shard) >= min(rebalanceEvery, s.length/2)
}

// unread reports whether a shard still has to be read: its lease is of another stream of the same
// name, or is not at the shard's end.
func (s snapshot) unread(l lease) bool { return l.created != s.created || !l.ended() }

// unreadParent reports whether a parent must be read first. A parent without a lease was trimmed
// before this consumer began.
func (s snapshot) unreadParent(id string) bool {
	l, known := s.leases[id]
	return known && s.unread(l)
}

// readable returns the leases of the shards that can be read now: they are not at their end, and
// all their parents are. A shard that the stream no longer lists can be read too, if it was not
// read to its end: its reader records the hole. drop are the leases that have no use any more.
func (s snapshot) readable() (ready, drop []lease) {
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

// plan returns what this worker takes: shards without a live owner up to an even share, orphaned
// shards beyond it, and, by a claim, shards of a worker that has at least two more.
func (s snapshot) plan() plan {
	ready, drop := s.readable()
	p := plan{drop: drop, ready: len(ready)}
	owned := map[string]int{s.me: 0}
	for _, l := range ready {
		if owner := s.liveOwner(l); owner != "" {
			owned[owner]++
		}
	}
	share := (len(ready) + len(owned) - 1) / len(owned)
	for _, l := range ready {
		if s.running[l.shard] {
			continue
		}
		switch owner := s.liveOwner(l); {
		case l.owner == s.me:
			p.acquire = append(p.acquire, l)
		case owner == "" && (owned[s.me] < share || s.orphaned(l)):
			p.acquire = append(p.acquire, l)
			owned[s.me]++
		}
	}
	p.claim = s.claims(ready, owned)
	p.mine = owned[s.me]
	return p
}

// claims returns the leases to claim from their owners, and counts them as this worker's.
func (s snapshot) claims(ready []lease, owned map[string]int) []lease {
	var claims []lease
	for _, l := range ready {
		richest := s.me
		for worker, n := range owned {
			if n > owned[richest] || n == owned[richest] && worker < richest {
				richest = worker
			}
		}
		if owned[richest] < owned[s.me]+2 {
			break
		}
		if s.liveOwner(l) == richest && l.claim == "" && !s.running[l.shard] {
			claims = append(claims, l)
			owned[richest]--
			owned[s.me]++
		}
	}
	return claims
}
