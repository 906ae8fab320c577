package streamtest

import (
	"time"

	"passbook/shared/stream"
)

func canTrim(h Harness) bool { return h.Trim != nil }

var trimClauses = []clause{
	{"trim/positions", "A position before the trim horizon is ErrTrimmed, never silently moved.", canTrim, trimPositions},
	{"trim/horizon", "TrimHorizon is the oldest record that was not trimmed.", canTrim, trimHorizon},
	{"trim/shards", "A parent that was trimmed away is still named, but no longer listed.",
		func(h Harness) bool { return canTrim(h) && canReshard(h) }, trimShards},
}

// trimTo trims before record i and waits until the trim is visible.
func (s *suite) trimTo(shard string, all []stream.Delivered, i int) {
	s.Helper()
	s.must(s.Trim(s.ctx, s.name, shard, all[i].Sequence))
	s.eventually(func() error {
		return differ("oldest", s.mustTail(shard, stream.Position{}, 1)[0].Sequence, all[i].Sequence)
	})
}

func trimPositions(s *suite) {
	shard, all := s.filled(10)
	old, err := s.iterator(shard, stream.Position{Where: stream.AtSequence, Sequence: all[2].Sequence})
	s.must(err)
	const kept = 6
	s.trimTo(shard, all, kept)
	for i, d := range all {
		_, err := s.iterator(shard, stream.Position{Where: stream.AtSequence, Sequence: d.Sequence})
		if i < kept {
			s.wantErr(err, stream.ErrTrimmed, "at record %d, %d are trimmed", i, kept)
		} else {
			s.must(err)
		}
		_, err = s.iterator(shard, stream.Position{Where: stream.AfterSequence, Sequence: d.Sequence})
		if i < kept-1 {
			s.wantErr(err, stream.ErrTrimmed, "after record %d, %d are trimmed", i, kept)
		} else if i >= kept {
			s.must(err)
		}
	}
	_, err = s.iterator(shard, stream.Position{Where: stream.AtTime, Time: all[0].Arrived.Add(-time.Hour)})
	s.wantErr(err, stream.ErrTrimmed, "at a time before what is trimmed")
	batch, err := s.First.Get(s.ctx, old, 10)
	if err == nil && len(batch.Records) > 0 {
		s.Fatalf("an iterator at a trimmed record gives %s", batch.Records[0].Data)
	}
}

func trimHorizon(s *suite) {
	shard, all := s.filled(10)
	for kept := 1; kept < len(all); kept += 3 {
		s.trimTo(shard, all, kept)
		s.must(differ("from the horizon", data(s.mustTail(shard, stream.Position{}, len(data(all[kept:])))), data(all[kept:])))
	}
	more := numbered("a", 10, 1)
	put := s.mustSend(more...)[0]
	s.must(s.Trim(s.ctx, s.name, shard, put.Sequence))
	s.eventually(func() error {
		return differ("the newest alone", data(s.mustTail(shard, stream.Position{}, 1)), texts(more))
	})
}

func trimShards(s *suite) {
	s.create(1)
	parent := s.open(1)[0]
	s.mustSend(numbered("a", 0, 5)...)
	s.must(s.Split(s.ctx, s.name, parent.ID))
	s.open(2)
	child := s.mustSend(numbered("a", 5, 1)...)[0]
	// A sequence number of the child is greater than all of its parent.
	s.must(s.Trim(s.ctx, s.name, parent.ID, child.Sequence))
	s.eventually(func() error { return differ("shards", len(s.shards()), 2) })
	s.must(differ("parents", s.byID(child.Shard).Parents, []string{parent.ID}))
	_, err := s.iterator(parent.ID, stream.Position{})
	s.wantErr(err, stream.ErrNotFound, "iterator on a trimmed shard")
	s.must(differ("child", data(s.mustTail(child.Shard, stream.Position{}, 1)), texts(numbered("a", 5, 1))))
}
