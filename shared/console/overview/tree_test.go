package overview

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A shard stands below its parent, and a closed one says what became of it.
func TestShardsStandBelowTheirParents(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("shardId-%012d", n) }
	shards := []shard{
		{ID: id(0), Closed: true, Parents: []string{id(90)}}, {ID: id(1), Closed: true}, {ID: id(2), Closed: true, Parents: []string{id(0)}},
		{ID: id(3), Parents: []string{id(0)}}, {ID: id(4), Parents: []string{id(2), id(1)}},
	}
	var got []string
	for _, p := range treeOf(shards) {
		got = append(got, fmt.Sprintf("%d:%s:%s", p.Depth, number(p.ID), p.Became))
	}
	if want := "0:0:split into 2, 3|1:2:merged into 4|2:4:|1:3:|0:1:merged into 4"; strings.Join(got, "|") != want {
		t.Errorf("%q, not %q", strings.Join(got, "|"), want)
	}
}

// Every shard is in the tree exactly once, even if the parents make no sense.
func TestTreeHasEachShardOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(r, "shards")
		shards := make([]shard, n)
		for i := range shards {
			shards[i].ID = fmt.Sprint("s", i)
			for _, p := range rapid.SliceOfN(rapid.IntRange(0, 14), 0, 2).Draw(r, "parents") {
				shards[i].Parents = append(shards[i].Parents, fmt.Sprint("s", p))
			}
		}
		seen := map[string]bool{}
		for _, p := range treeOf(shards) {
			if seen[p.ID] || p.Depth > maxDepth {
				r.Fatalf("%+v twice, or too deep", p)
			}
			seen[p.ID] = true
		}
		if len(seen) != n {
			r.Fatalf("%d of %d", len(seen), n)
		}
	})
}
