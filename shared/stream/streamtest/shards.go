package streamtest

import (
	"fmt"
	"math/big"
	"slices"
	"sync"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/stream"
)

func canReshard(h Harness) bool { return h.Split != nil && h.Merge != nil }

var shardClauses = []clause{
	{"shards/cover", "Shard is a part of a stream: a range of hash keys, and its ancestry.", nil, shardsCover},
	{"shards/split", "Parents has none (an original shard), one (a child of a split) or two (of a merge) shard ids.", canReshard, shardsSplit},
	{"shards/closed", "Closed reports whether the shard takes no more records. Read it to its end, then its children.", canReshard, shardsClosed},
	{"shards/moving", "shards split and merge, and a parent is read to its end before its children;", canReshard, shardsMoving},
	{"created", "Created returns when the stream was created, in whole seconds.", nil, created},
	{"created/again", "A stream that was deleted and created again has a later time, so that positions and segments of the two are never confused.", nil, createdAgain},
}

// open waits for n open shards that cover all hash keys, and returns them in their order.
func (s *suite) open(n int) (open []stream.Shard) {
	s.Helper()
	s.eventually(func() error {
		open = open[:0]
		for _, shard := range s.shards() {
			if !shard.Closed {
				open = append(open, shard)
			}
		}
		slices.SortFunc(open, func(a, b stream.Shard) int { return a.FirstHash.Cmp(b.FirstHash) })
		next := new(big.Int)
		for _, shard := range open {
			if err := differ("first hash key of "+shard.ID, shard.FirstHash.String(), next.String()); err != nil {
				return err
			}
			next.Add(shard.LastHash, big.NewInt(1))
		}
		if err := differ("end of the hash keys", next.String(), new(big.Int).Lsh(big.NewInt(1), 128).String()); err != nil {
			return err
		}
		return differ("open shards", len(open), n)
	})
	return open
}

// byID returns the listed shard of an id.
func (s *suite) byID(id string) stream.Shard {
	s.Helper()
	for _, shard := range s.shards() {
		if shard.ID == id {
			return shard
		}
	}
	s.Fatalf("shard %s is not listed", id)
	return stream.Shard{}
}

func shardsCover(s *suite) {
	s.create(3)
	for _, shard := range s.open(3) {
		if shard.ID == "" || len(shard.Parents) > 0 || shard.Closed {
			s.Fatalf("an original shard: %+v", shard)
		}
	}
}

func shardsSplit(s *suite) {
	s.create(1)
	parent := s.open(1)[0]
	s.must(s.Split(s.ctx, s.name, parent.ID))
	children := s.open(2)
	for _, child := range children {
		s.must(differ("parents of a split", child.Parents, []string{parent.ID}))
	}
	if !s.byID(parent.ID).Closed {
		s.Fatal("the parent is open")
	}
	s.must(s.Merge(s.ctx, s.name, children[0].ID, children[1].ID))
	merged := s.open(1)[0]
	parents := slices.Sorted(slices.Values(merged.Parents))
	s.must(differ("parents of a merge", parents, slices.Sorted(slices.Values([]string{children[0].ID, children[1].ID}))))
}

func shardsClosed(s *suite) {
	s.create(1)
	parent := s.open(1)[0]
	before := numbered("a", 0, 10)
	s.mustSend(before...)
	s.must(s.Split(s.ctx, s.name, parent.ID))
	s.open(2)
	after := numbered("a", 10, 10)
	child := ""
	for _, put := range s.mustSend(after...) {
		if put.Shard == parent.ID {
			s.Fatal("a record on a closed shard")
		}
		child = put.Shard
	}
	got, end, err := s.tail(parent.ID, stream.Position{}, 1000, 3)
	s.must(err)
	if !end {
		s.Fatal("a closed shard has no end")
	}
	s.must(differ("parent", data(got), texts(before)))
	s.must(differ("child", data(s.mustTail(child, stream.Position{}, 10)), texts(after)))
	last := stream.Position{Where: stream.AfterSequence, Sequence: got[len(got)-1].Sequence}
	rest, end, err := s.tail(parent.ID, last, 1, 10)
	s.must(err)
	if !end || len(rest) > 0 {
		s.Fatalf("after the last of a closed shard: %v, end %v", rest, end)
	}
}

// shardsMoving splits and merges while writers put and a reader reads parents before children: the
// records of each writer come in order and none is missing.
func shardsMoving(s *suite) {
	const writers, each = 4, 60
	s.create(1)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			if _, err := s.send(numbered(fmt.Sprint("writer-", w), 0, each)...); err != nil {
				s.Errorf("put: %v", err)
			}
		})
	}
	for range 3 {
		s.must(s.Split(s.ctx, s.name, s.open(1)[0].ID))
		children := s.open(2)
		s.must(s.Merge(s.ctx, s.name, children[0].ID, children[1].ID))
		s.open(1)
	}
	group.Wait()
	got := map[string][]string{}
	done := map[string]bool{}
	for listed := s.shards(); len(done) < len(listed); listed = s.shards() {
		before := len(done)
		for _, shard := range listed {
			if !done[shard.ID] && !slices.ContainsFunc(shard.Parents, func(p string) bool { return !done[p] }) {
				done[shard.ID] = true
				s.follow(shard, got, writers*each)
			}
		}
		if len(done) == before {
			s.Fatalf("%d shards are listed, and what is left of them waits for parents that are not", len(listed))
		}
	}
	for w := range writers {
		key := fmt.Sprint("writer-", w)
		s.must(differ(key, firstCopies(got[key]), texts(numbered(key, 0, each))))
	}
}

// follow reads a closed shard to its end, and the last, open one until it has every record.
func (s *suite) follow(shard stream.Shard, got map[string][]string, want int) {
	s.Helper()
	missing := 1 << 30
	if !shard.Closed {
		missing = want
		for _, texts := range got {
			missing -= len(firstCopies(texts))
		}
	}
	delivered, end, err := s.tail(shard.ID, stream.Position{}, missing, 50)
	s.must(err)
	if end != shard.Closed {
		s.Fatalf("shard %s closed %v, end %v", shard.ID, shard.Closed, end)
	}
	s.wantRising(delivered)
	for _, d := range delivered {
		got[d.PartitionKey] = append(got[d.PartitionKey], string(d.Data))
	}
}

func created(s *suite) {
	s.create(1)
	at, err := s.First.Created(s.ctx, s.name)
	s.must(err)
	if at.Nanosecond() != 0 || at.IsZero() {
		s.Fatalf("created %v", at)
	}
	s.mustSend(numbered("a", 0, 1)...)
	again, err := s.Second.Created(s.ctx, s.name)
	s.must(err)
	if !again.Equal(at) {
		s.Fatalf("created %v, then %v", at, again)
	}
}

func createdAgain(s *suite) {
	s.create(1)
	old := s.mustSend(numbered("a", 0, 3)...)
	first, err := s.First.Created(s.ctx, s.name)
	s.must(err)
	it, err := s.iterator(old[0].Shard, stream.Position{})
	s.must(err)
	s.must(s.Delete(s.ctx, s.name))
	// Creation times are whole seconds: a second must pass, or the store choose a later time.
	if s.Advance == nil {
		s.must(backoff.Sleep(s.ctx, time.Second))
	}
	s.must(s.Create(s.ctx, s.name, 1))
	second, err := s.First.Created(s.ctx, s.name)
	s.must(err)
	if !second.After(first) {
		s.Fatalf("created %v, then %v", first, second)
	}
	s.mustSend(numbered("b", 0, 1)...)
	got := s.mustTail(s.shards()[0].ID, stream.Position{}, 1)
	s.must(differ("in the new stream", data(got), texts(numbered("b", 0, 1))))
	if batch, err := s.First.Get(s.ctx, it, 10); err == nil && len(batch.Records) > 0 {
		s.Fatalf("an iterator of the old stream gives %v", batch.Records)
	}
}
