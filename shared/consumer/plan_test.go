package consumer

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/stream"
)

// snapshotFor returns the snapshot of one worker of a simulated team.
func snapshotFor(me string, shards []stream.Shard, leases map[string]lease, silent time.Duration) snapshot {
	running := map[string]bool{}
	for id, l := range leases {
		running[id] = l.owner == me
	}
	return snapshot{
		me: me, length: 10 * time.Second, created: 1, shards: shards, leases: leases, running: running,
		silent: func(string) time.Duration { return silent },
	}
}

// From any distribution over any workers, when each plans in turn and owners hand over what is
// claimed, the counts differ by one at most, every shard has an owner, and nothing moves any more.
func TestPlansConvergeToAnEvenShare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		workers := rapid.IntRange(1, 6).Draw(rt, "workers")
		var shards []stream.Shard
		leases := map[string]lease{}
		for i := range rapid.IntRange(1, 30).Draw(rt, "shards") {
			s := stream.Shard{ID: fmt.Sprintf("s%02d", i)}
			owner := rapid.IntRange(0, workers).Draw(rt, "owner")
			l := lease{shard: s.ID, created: 1, epoch: 1}
			if owner > 0 {
				l.owner = fmt.Sprintf("w%d", owner)
			}
			shards, leases[s.ID] = append(shards, s), l
		}
		moves := 0
		for round := 0; round < 40; round++ {
			moves = 0
			for w := 1; w <= workers; w++ {
				me := fmt.Sprintf("w%d", w)
				p := snapshotFor(me, shards, leases, 0).plan()
				for _, l := range p.acquire {
					l.owner, l.claim = me, ""
					leases[l.shard] = l
					moves++
				}
				for _, l := range p.claim {
					l.owner = me // the owner hands it over
					leases[l.shard] = l
					moves++
				}
			}
		}
		if moves != 0 {
			rt.Fatalf("%d leases still move after 40 rounds", moves)
		}
		owned := map[string]int{}
		for _, l := range leases {
			owned[l.owner]++
		}
		if owned[""] != 0 {
			rt.Fatalf("%d shards without an owner", owned[""])
		}
		for w := 1; w <= workers; w++ {
			if n := owned[fmt.Sprintf("w%d", w)]; n < len(shards)/workers || n > (len(shards)+workers-1)/workers {
				rt.Fatalf("owned %v of %d shards", owned, len(shards))
			}
		}
	})
}

func TestPlanFollowsParentsStreamsAndExpiredLeases(t *testing.T) {
	done := func(id string) lease { return lease{shard: id, created: 1, epoch: 5, checkpoint: shardEnd} }
	fresh := func(id string) lease { return lease{shard: id, created: 1, epoch: 1} }
	owned := func(id, owner string) lease { return lease{shard: id, created: 1, epoch: 3, owner: owner} }
	for _, c := range []struct {
		name    string
		shards  []stream.Shard
		leases  []lease
		silent  time.Duration
		acquire []string
		drop    []string
	}{
		{"a child waits for its parent", []stream.Shard{{ID: "p"}, {ID: "c", Parents: []string{"p"}}}, []lease{fresh("p"), fresh("c")}, 0, []string{"p"}, nil},
		{"a child follows its parent", []stream.Shard{{ID: "p"}, {ID: "c", Parents: []string{"p"}}}, []lease{done("p"), fresh("c")}, 0, []string{"c"}, nil},
		{"a merged child waits for both", []stream.Shard{{ID: "p"}, {ID: "q"}, {ID: "c", Parents: []string{"p", "q"}}}, []lease{done("p"), fresh("q"), fresh("c")}, 0, []string{"q"}, nil},
		{"a child of a parent that was trimmed before", []stream.Shard{{ID: "c", Parents: []string{"p"}}}, []lease{fresh("c")}, 0, []string{"c"}, nil},
		{"a parent that is gone and unread comes first", []stream.Shard{{ID: "c", Parents: []string{"p"}}}, []lease{fresh("p"), fresh("c")}, 0, []string{"p"}, nil},
		{"a parent that is gone and was read is forgotten", []stream.Shard{{ID: "c", Parents: []string{"p"}}}, []lease{done("p"), fresh("c")}, 0, []string{"c"}, []string{"p"}},
		{"a shard of an earlier stream is read again", []stream.Shard{{ID: "p"}}, []lease{{shard: "p", created: 0, epoch: 9, checkpoint: shardEnd}}, 0, []string{"p"}, nil},
		{"the shard of another worker is not taken", []stream.Shard{{ID: "p"}}, []lease{owned("p", "w2")}, 9 * time.Second, nil, nil},
		{"the shard of a dead worker is taken", []stream.Shard{{ID: "p"}}, []lease{owned("p", "w2")}, 10 * time.Second, []string{"p"}, nil},
		{"a shard of this worker that has no reader", []stream.Shard{{ID: "p"}}, []lease{owned("p", "w1")}, 0, []string{"p"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			leases := map[string]lease{}
			for _, l := range c.leases {
				leases[l.shard] = l
			}
			s := snapshotFor("w1", c.shards, leases, c.silent)
			s.running = nil
			p := s.plan()
			if got := names(p.acquire); fmt.Sprint(got) != fmt.Sprint(c.acquire) {
				t.Errorf("acquires %v, want %v", got, c.acquire)
			}
			if got := names(p.drop); fmt.Sprint(got) != fmt.Sprint(c.drop) {
				t.Errorf("drops %v, want %v", got, c.drop)
			}
		})
	}
}

func names(leases []lease) (list []string) {
	for _, l := range leases {
		list = append(list, l.shard)
	}
	return list
}
