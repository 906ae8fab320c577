package pebbletable

import (
	"bytes"
	"hash/maphash"
	"sync"
)

const (
	newestShards = 32
	// newestOverhead is about what a partition takes beside its keys.
	newestOverhead = 160
)

// newest remembers of partitions whose rows are put in ascending order up to which sort key there
// are rows. Beyond it a row is absent, and need not be searched for: the search of a key that
// cannot exist was an eighth of the work of the whole bank. All handles on one database share it.
//
// A mark is an upper bound of the stored keys of its group: the rows of a partition whose sort keys
// have one beginning, up to the first '#'. It holds of every key that nobody has locked. It is
// right because
//
//   - every insertion raises the mark of its group after its commit and before it unlocks the key,
//     by whichever handle and call it was made;
//   - a mark exists, and is raised, before the view is taken in which its group is first read; it
//     is used only after that. An insertion that raised no mark was in every view by then;
//   - a deletion leaves it: an upper bound stays one;
//   - after a commit that failed the mark is forgotten.
//
// What is forgotten, or never read, is looked up.
type newest struct {
	seed   maphash.Seed
	most   int
	shards [newestShards]struct {
		sync.Mutex
		// A mark is in one of two generations; when the younger is full it becomes the older, and
		// what that held is forgotten.
		young, old map[string]*mark
		bytes      int
	}
}

// mark is what is known of one group. Its fields are guarded by the mutex of its shard.
type mark struct {
	// upTo is the greatest key that was stored since the mark exists, or, once it is whole, ever.
	upTo []byte
	// whole tells that the group has been read.
	whole bool
}

func newNewest(most int) *newest {
	n := &newest{seed: maphash.MakeSeed(), most: most}
	for i := range n.shards {
		n.shards[i].young = make(map[string]*mark)
	}
	return n
}

// find returns the mark of a group, nil if there is none. The caller holds the shard's mutex.
func (n *newest) find(shard int, group []byte) *mark {
	s := &n.shards[shard]
	if m := s.young[string(group)]; m != nil {
		return m
	}
	m := s.old[string(group)]
	if m != nil {
		delete(s.old, string(group))
		n.keep(shard, group, m)
	}
	return m
}

// keep adds a mark to the younger generation. The caller holds the shard's mutex.
func (n *newest) keep(shard int, group []byte, m *mark) {
	s := &n.shards[shard]
	if s.bytes += 2*len(group) + newestOverhead; s.bytes > n.most/newestShards/2 {
		s.old, s.young, s.bytes = s.young, make(map[string]*mark), 2*len(group)+newestOverhead
	}
	s.young[string(group)] = m
}

func (n *newest) shard(group []byte) int {
	return int(maphash.Bytes(n.seed, group) % newestShards)
}

// beyond reports whether the row of a key, which the caller has locked, is absent for certain. If
// it is not, and the group should be read first, it returns the group's mark: the caller takes a
// view after it and gives what it found to confirm.
func (n *newest) beyond(group, key []byte) (absent bool, read *mark) {
	shard := n.shard(group)
	s := &n.shards[shard]
	s.Lock()
	defer s.Unlock()
	switch m := n.find(shard, group); {
	case m == nil: // A group of one row is not worth a reading: the second row asks for it.
		n.keep(shard, group, &mark{})
		return false, nil
	case !m.whole:
		return false, m
	default:
		return bytes.Compare(key, m.upTo) > 0, nil
	}
}

// confirm makes a mark whole. last is the greatest key of its group in a view that was taken after
// beyond returned the mark, nil if there was none.
func (n *newest) confirm(group []byte, m *mark, last []byte) {
	shard := n.shard(group)
	s := &n.shards[shard]
	s.Lock()
	defer s.Unlock()
	if n.find(shard, group) == m {
		m.raise(last)
		m.whole = true
	}
}

// inserted raises the mark of a group, if there is one, by a key that was stored.
func (n *newest) inserted(group, key []byte) {
	shard := n.shard(group)
	s := &n.shards[shard]
	s.Lock()
	defer s.Unlock()
	if m := n.find(shard, group); m != nil {
		m.raise(key)
	}
}

// forget drops the mark of a group.
func (n *newest) forget(group []byte) {
	s := &n.shards[n.shard(group)]
	s.Lock()
	defer s.Unlock()
	delete(s.young, string(group))
	delete(s.old, string(group))
}

func (m *mark) raise(key []byte) {
	if bytes.Compare(key, m.upTo) > 0 {
		m.upTo = append(m.upTo[:0], key...)
	}
}
