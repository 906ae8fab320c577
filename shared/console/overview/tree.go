package overview

import "strings"

// maxDepth bounds the depth at which a shard is drawn; deeper ones stand below it.
const maxDepth = 4

// place is a shard's place in the tree of parents and children.
type place struct {
	shard
	// Depth is how many generations above it are still in the stream, at most maxDepth.
	Depth int
	// Became says what a closed shard became: "split into 4, 5" or "merged into 6"; empty for
	// others.
	Became string
}

// treeOf returns the shards with each below its first parent that the stream still has. A shard is
// in it once, whatever the parents say.
func treeOf(shards []shard) []place {
	known, children := map[string]bool{}, map[string][]shard{}
	for _, s := range shards {
		known[s.ID] = true
	}
	var roots []shard
	for _, s := range shards {
		first := ""
		for _, parent := range s.Parents {
			if known[parent] && parent != s.ID && first == "" {
				first = parent
			}
		}
		if first == "" {
			roots = append(roots, s)
			continue
		}
		children[first] = append(children[first], s)
	}
	tree, drawn := make([]place, 0, len(shards)), map[string]bool{}
	var draw func(s shard, depth int)
	draw = func(s shard, depth int) {
		if drawn[s.ID] {
			return
		}
		drawn[s.ID] = true
		tree = append(tree, place{s, min(depth, maxDepth), became(s.ID, shards)})
		for _, child := range children[s.ID] {
			draw(child, depth+1)
		}
	}
	for _, s := range append(roots, shards...) { // a circle has no root
		draw(s, 0)
	}
	return tree
}

// became returns what a shard was split or merged into.
func became(id string, shards []shard) string {
	var into []string
	merged := false
	for _, s := range shards {
		for _, parent := range s.Parents {
			if parent == id {
				into, merged = append(into, number(s.ID)), len(s.Parents) > 1
			}
		}
	}
	switch {
	case len(into) == 0:
		return ""
	case merged:
		return "merged into " + strings.Join(into, ", ")
	}
	return "split into " + strings.Join(into, ", ")
}
