package balance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/shared/api"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/derived"
	"passbook/shared/derived/archived"
	"passbook/shared/segment"
)

// archive puts the entries of accounts into segments of two shards, each shard with all of them,
// and serves them. It returns the directory and the keys.
func (b *bank) archive(ids ...string) (dir string, keys []string) {
	b.t.Helper()
	var records []segment.Record
	for _, id := range ids {
		for e, err := range b.journal.Backward(b.t.Context(), of(id), 100) {
			if err != nil {
				b.t.Fatal(err)
			}
			records = append(records, segment.Record{Arrived: e.RecordedAt.Truncate(time.Microsecond), Entry: e})
		}
	}
	slices.SortFunc(records, func(a, b segment.Record) int { return a.Arrived.Compare(b.Arrived) })
	dir = b.t.TempDir()
	to, err := dirbucket.New(dir)
	if err != nil {
		b.t.Fatal(err)
	}
	for shard := range 2 {
		w := segment.NewWriter(segment.Format, "bank-1", segment.Source{
			Stream: "test-events", Created: b.clock.Now().Truncate(time.Second), Shard: fmt.Sprintf("shardId-%012d", shard),
		}, segment.Link{})
		for i, r := range records {
			r.Sequence = fmt.Sprint(100 + i)
			if err := w.Append(r); err != nil {
				b.t.Fatal(err)
			}
		}
		sealed, err := w.Seal()
		if err == nil {
			err = to.Create(b.t.Context(), sealed.Key, sealed.Data)
		}
		if err != nil {
			b.t.Fatal(err)
		}
		keys = append(keys, sealed.Key)
	}
	b.api.archive = archived.New(archived.Config{Bucket: to})
	return dir, keys
}

// aged serves a bank of which the index has the two newest events of the caller's tenant, and the
// archive all. noon and early are times between the older and the newer events, of which the index
// has noon.
func aged(t *testing.T) (b *bank, noon, early string) {
	b = serve(t)
	if err := derived.Begin(t.Context(), b.table, 0, 1, true); err != nil {
		t.Fatal(err)
	}
	b.open("A-1", "H-1")
	b.actor = "key:1"
	b.open("A-2", "H-2")
	b.open("north#A-1", "H-1")
	b.credit("A-1", 500)
	b.clock.Advance(time.Hour)
	at := b.clock.Now()
	b.actor = "test"
	b.withdraw("A-2", 100)
	b.withdraw("A-1", 100)
	for _, id := range []string{"A-2", "A-1", "north#A-1"} {
		b.project(id)
	}
	b.clock.Advance(derived.Retention - time.Minute - b.clock.Now().Sub(at))
	return b, at.Format(time.RFC3339Nano), at.Add(-30 * time.Minute).Format(time.RFC3339Nano)
}

func TestListContinuesInTheArchive(t *testing.T) {
	const old = "from=2026-01-01T00:00:00Z"
	b, noon, early := aged(t)
	b.archive("A-1", "A-2", "north#A-1")
	// the index has rows of older events still, as it does until they are deleted
	b.expectIDs(old, "A-1:3 A-2:2 A-1:2 A-2:1 A-1:1")
	b.expectIDs(old+"&type=MoneyWithdrawn", "A-1:3 A-2:2")
	b.expectIDs(old+"&type=AccountOpened", "A-2:1 A-1:1")
	b.expectIDs(old+"&actor=key%3A1", "A-1:2 A-2:1")
	b.expectIDs(old+"&correlation_id=c-1", "A-1:3 A-2:2 A-1:2 A-2:1 A-1:1")
	b.expectIDs(old+"&correlation_id=c-2", "")
	b.expectIDs(old+"&holder=H-1", "A-1:3 A-1:2 A-1:1")
	b.expectIDs(old+"&holder=H-2&to="+noon, "A-2:1")
	b.expectIDs("to="+early, "A-1:2 A-2:1 A-1:1")
	b.expectIDs("to="+noon, "") // the index answers for it
	b.expectIDs(old+"&to="+noon+"&type=MoneyCredited", "A-1:2")
	b.expectIDs("from="+noon, "A-1:3 A-2:2")
	b.expectIDs("", "A-1:3 A-2:2")
	for _, cursor := range []string{"a", "a1#0", "x"} {
		if r := b.client.Get("/v1/events?cursor=" + cursor); r.Status != http.StatusBadRequest {
			t.Errorf("cursor %s: %d %s", cursor, r.Status, r.Body)
		}
	}
	b.clock.Advance(time.Minute + 500*time.Millisecond) // the newest are in the index still, and behind the edge
	b.expectIDs(old, "A-1:3 A-2:2 A-1:2 A-2:1 A-1:1")
	b.clock.Advance(2 * time.Minute) // past the newest, which only the archive has now
	b.expectIDs(old, "A-1:3 A-2:2 A-1:2 A-2:1 A-1:1")
	b.expectIDs("", "")
	b.api.archive = nil
	b.expectIDs(old, "")
}

// The edge of the index moves on between pages: nothing is left out, and nothing comes twice.
func TestCursorSurvivesTheMovingEdge(t *testing.T) {
	for step := range 6 {
		b, _, _ := aged(t)
		b.archive("A-1", "A-2")
		b.clock.Advance(-2 * time.Minute)
		var got []string
		cursor := ""
		for page := 0; ; page++ {
			if page == step {
				b.clock.Advance(2*time.Minute + 1500*time.Millisecond)
			}
			r := b.client.Get("/v1/events?from=2026-01-01T00:00:00Z&limit=1" + cursor)
			var list EventsOfAll
			if err := json.Unmarshal(r.Body, &list); err != nil || r.Status != http.StatusOK {
				t.Fatalf("%d %s %v", r.Status, r.Body, err)
			}
			for _, e := range list.Events {
				got = append(got, e.EventID)
			}
			if list.IndexedFrom.IsZero() {
				t.Fatalf("no indexed_from: %s", r.Body)
			}
			if !list.HasMore {
				break
			}
			cursor = "&cursor=" + list.NextCursor
		}
		if got := strings.Join(got, " "); got != "A-1:3 A-2:2 A-1:2 A-2:1 A-1:1" {
			t.Errorf("the edge moves before page %d: %s", step, got)
		}
	}
}

func TestDamageOfTheArchiveIsNamed(t *testing.T) {
	b, noon, early := aged(t)
	dir, keys := b.archive("A-1", "A-2")
	if err := os.Truncate(filepath.Join(dir, keys[1]), 50); err != nil {
		t.Fatal(err)
	}
	r := b.client.Get("/v1/events?to=" + early)
	if r.Status != http.StatusServiceUnavailable || r.Code() != api.ArchiveDamaged.Code || !strings.Contains(string(r.Body), keys[1]) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.client.Get("/v1/events?from=" + noon); r.Status != http.StatusOK {
		t.Errorf("of the index alone: %d %s", r.Status, r.Body)
	}
	b.api.archive = archived.New(archived.Config{Bucket: missing{}})
	if r := b.client.Get("/v1/events?to=" + early); r.Code() != api.ArchiveUnavailable.Code {
		t.Errorf("of no bucket: %d %s", r.Status, r.Body)
	}
}

// missing is a bucket that does not answer.
type missing struct{ bucket.Bucket }

func (missing) List(context.Context, string, string) (bucket.Page, error) {
	return bucket.Page{}, errors.New("the bucket does not answer")
}
