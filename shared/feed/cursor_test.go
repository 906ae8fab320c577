package feed

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/segment"
)

// positions draws positions as feeds have them.
func positions(t *rapid.T) position {
	p := position{places: map[segment.Source]place{}, history: rapid.Bool().Draw(t, "history")}
	for _, at := range []*time.Time{&p.caughtUp, &p.since} {
		if micros := rapid.Int64Range(0, 2e15).Draw(t, "micros"); micros > 0 {
			*at = time.UnixMicro(micros).UTC()
		}
	}
	for range rapid.IntRange(0, 8).Draw(t, "shards") {
		source := segment.Source{
			Stream: rapid.SampledFrom([]string{"passbook-events", "x"}).Draw(t, "stream"), Created: time.Unix(rapid.Int64Range(1, 3).Draw(t, "created"), 0).UTC(),
			Shard: rapid.SampledFrom([]string{"shardId-000000000000", "shardId-000000000017", "shard-1", "shardId-x"}).Draw(t, "shard"),
		}
		p.places[source] = rapid.SampledFrom([]place{{}, {ended: true}, {sequence: "1"}, {sequence: "49680603739577703420352770719743309308965163481039896578"}}).Draw(t, "place")
	}
	return p
}

func TestCursorsSayTheWholePosition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := positions(t)
		got, err := decodeCursor("q", p.encode("q"))
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Fatalf("%+v, %v; want %+v", got, err, p)
		}
	})
}

func TestACursorIsOfItsQueryOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := positions(t).encode("feed|north|")
		if _, err := decodeCursor("feed|south|", text); !errors.Is(err, errCursor) {
			t.Fatalf("another tenant's: %v", err)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(t, "i")
		changed := text[:i] + string(rapid.SampledFrom([]rune("Aa0-_=\n ")).Draw(t, "sign")) + text[i+1:]
		if _, err := decodeCursor("feed|north|", changed); changed != text && !errors.Is(err, errCursor) {
			t.Fatalf("changed: %v", err)
		}
	})
}

// Two hundred shards of Kinesis fit into a header.
func TestACursorOfManyShardsIsShort(t *testing.T) {
	p := position{places: map[segment.Source]place{}, caughtUp: time.Unix(1e9, 0)}
	for i := range 200 {
		source := segment.Source{Stream: "passbook-events", Created: time.Unix(1, 0).UTC(), Shard: fmt.Sprintf("shardId-%012d", i)}
		p.places[source] = place{sequence: "49680603739577703420352770719743309308965163481039896578"}
	}
	if n := len(p.encode("q")); n > maxCursor {
		t.Errorf("%d bytes, at most %d", n, maxCursor)
	}
}

func TestRecentKeepsTheNewestHalf(t *testing.T) {
	r := newRecent[int](8)
	for i := range 20 {
		r.put(fmt.Sprint(i), i)
		if _, ok := r.get("0"); !ok {
			t.Fatalf("after %d the one in use is gone", i)
		}
	}
	for i := 17; i < 20; i++ {
		if v, ok := r.get(fmt.Sprint(i)); !ok || v != i {
			t.Errorf("%d is gone", i)
		}
	}
	if _, ok := r.get("5"); ok || !r.forgot {
		t.Error("an old one is kept, or it does not say that it forgot any")
	}
}
