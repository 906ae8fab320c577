package kinesisstream_test

import (
	"context"
	"errors"
	"math/big"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/awstest"
	"passbook/shared/stream"
	"passbook/shared/stream/kinesisstream"
)

func TestCreateStream(t *testing.T) {
	gone := fails("ResourceNotFoundException")
	for _, c := range []struct {
		name              string
		creates, statuses []reply
		made              int
	}{
		{"a new one", []reply{ok("{}")}, []reply{summary("CREATING"), summary("CREATING"), summary("ACTIVE")}, 1},
		{"one that is there", []reply{fails("ResourceInUseException")}, []reply{summary("ACTIVE")}, 1},
		{"one that is being resharded", []reply{fails("ResourceInUseException")}, []reply{summary("UPDATING"), summary("ACTIVE")}, 1},
		{"one that is being deleted", []reply{fails("ResourceInUseException"), ok("{}")}, []reply{summary("DELETING"), gone, summary("ACTIVE")}, 2},
		{"one that shows late", []reply{ok("{}"), fails("ResourceInUseException")}, []reply{gone, summary("ACTIVE")}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				looks := len(c.statuses)
				s, f := open(t, map[string][]reply{"CreateStream": c.creates, "DescribeStreamSummary": c.statuses})
				if err := s.CreateStream(t.Context(), "bank-events", 3); err != nil {
					t.Fatal(err)
				}
				if f.calls("CreateStream") != c.made || f.calls("DescribeStreamSummary") != looks {
					t.Errorf("calls: %v", f.ops)
				}
				if in := f.last("CreateStream"); in["ShardCount"] != 3.0 || in["StreamName"] != "bank-events" {
					t.Errorf("created by %v", in)
				}
			})
		})
	}
	s, _ := open(t, nil)
	for _, shards := range []int{-1, 0, 1 << 40} {
		if err := s.CreateStream(t.Context(), "bank-events", shards); !errors.Is(err, stream.ErrInvalid) {
			t.Errorf("%d shards: %v", shards, err)
		}
		if err := s.UpdateShardCount(t.Context(), "bank-events", shards); !errors.Is(err, stream.ErrInvalid) {
			t.Errorf("%d shards: %v", shards, err)
		}
	}
}

func TestNeverActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := open(t, map[string][]reply{"CreateStream": {ok("{}")}, "DescribeStreamSummary": {summary("CREATING")}})
		start := time.Now()
		err := s.CreateStream(t.Context(), "bank-events", 1)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != 2*time.Minute {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestDeleteStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := open(t, map[string][]reply{
			"DeleteStream": {ok("{}")}, "DescribeStreamSummary": {summary("DELETING"), summary("DELETING"), fails("ResourceNotFoundException")},
		})
		if err := s.DeleteStream(t.Context(), "bank-events"); err != nil || f.calls("DescribeStreamSummary") != 3 {
			t.Errorf("%v, calls %v", err, f.ops)
		}
	})
}

func TestReshard(t *testing.T) {
	shards := ok(`{"Shards":[{"ShardId":"shardId-1","HashKeyRange":{"StartingHashKey":"100","EndingHashKey":"199"},"SequenceNumberRange":{}}]}`)
	statuses := []reply{summary("UPDATING"), summary("ACTIVE")}
	for op, do := range map[string]func(context.Context, *kinesisstream.Stream) error{
		"SplitShard": func(ctx context.Context, s *kinesisstream.Stream) error {
			return s.Split(ctx, "bank-events", "shardId-1")
		},
		"MergeShards": func(ctx context.Context, s *kinesisstream.Stream) error {
			return s.Merge(ctx, "bank-events", "shardId-1", "shardId-2")
		},
		"UpdateShardCount": func(ctx context.Context, s *kinesisstream.Stream) error {
			return s.UpdateShardCount(ctx, "bank-events", 4)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, f := open(t, map[string][]reply{op: {ok("{}")}, "ListShards": {shards}, "DescribeStreamSummary": statuses})
			if err := do(t.Context(), s); err != nil || f.calls(op) != 1 || f.calls("DescribeStreamSummary") != 2 {
				t.Errorf("%s: %v, calls %v", op, err, f.ops)
			}
			in := f.last(op)
			for key, want := range map[string]map[string]any{
				"SplitShard":       {"ShardToSplit": "shardId-1", "NewStartingHashKey": "150"},
				"MergeShards":      {"ShardToMerge": "shardId-1", "AdjacentShardToMerge": "shardId-2"},
				"UpdateShardCount": {"TargetShardCount": 4.0, "ScalingType": "UNIFORM_SCALING"},
			} {
				for field, value := range want {
					if key == op && in[field] != value {
						t.Errorf("%s by %v", op, in)
					}
				}
			}
		})
	}
	s, _ := open(t, map[string][]reply{"ListShards": {shards}})
	if err := s.Split(t.Context(), "bank-events", "shardId-9"); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("split of no shard: %v", err)
	}
}

// TestAdminOnAWS creates a stream twice, changes its shards and deletes it.
func TestAdminOnAWS(t *testing.T) {
	s, name, ctx := kinesisstream.New(awstest.Config(t)), awstest.Prefix(t)+"events", t.Context()
	if err := s.Check(ctx, name); !errors.Is(err, stream.ErrNotFound) {
		t.Fatalf("check of no stream: %v", err)
	}
	for _, shards := range []int{2, 5} {
		if err := s.CreateStream(ctx, name, shards); err != nil {
			t.Fatal(err)
		}
	}
	wantOpen(t, s, name, 2)
	if err := s.UpdateShardCount(ctx, name, 4); err != nil {
		t.Fatal(err)
	}
	wantOpen(t, s, name, 4)
	if err := s.Check(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteStream(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteStream(ctx, name); !errors.Is(err, stream.ErrNotFound) {
		t.Fatalf("delete of no stream: %v", err)
	}
}

// wantOpen checks how many shards are open, and that they cover all hash keys.
func wantOpen(t *testing.T, s *kinesisstream.Stream, name string, want int) {
	t.Helper()
	shards, err := s.Shards(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	n, keys := 0, new(big.Int)
	for _, shard := range shards {
		if !shard.Closed {
			n++
			keys.Add(keys, big.NewInt(1)).Add(keys, shard.LastHash).Sub(keys, shard.FirstHash)
		}
	}
	if n != want || keys.Cmp(new(big.Int).Lsh(big.NewInt(1), 128)) != 0 {
		t.Errorf("%d open shards of %v hash keys, want %d", n, keys, want)
	}
}
