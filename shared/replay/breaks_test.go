package replay_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/replay"
)

// A missing segment from the middle has only the ends of histories: no account has a gap, and the
// one of which it may have more is named.
func TestJobs_NameAMissingSegment(t *testing.T) {
	e := newEnv(t)
	dir := t.TempDir()
	disk, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	e.bucket = disk
	var one, other []*event.Entry
	for _, entry := range archivetest.Bank(11, 2, 60) {
		if entry.AccountID == "A-1" {
			one = append(one, entry)
		} else {
			other = append(other, entry)
		}
	}
	// Segment 1 begins A-1, segment 2 has its end, segment 3 begins the other account.
	half := len(one) / 2
	records := archivetest.Records(append(one[:2*half:2*half], other...))
	e.archive(t, "s-0", records, half)
	var keys []string
	for object, err := range archive.List(t.Context(), e.bucket) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, object.Key)
	}
	if len(keys) < 3 {
		t.Fatalf("only %d segments", len(keys))
	}
	if err := os.Remove(filepath.Join(dir, keys[1])); err != nil {
		t.Fatal(err)
	}
	done, err := replay.RestoreJournal(t.Context(), e.restoring())
	if !errors.Is(err, replay.ErrDifference) || done.Faults.Count != 1 || len(done.Gaps) != 1 || done.Gaps[0].Key != keys[1] {
		t.Errorf("restored %+v, %v", done, err)
	}
	if want := int64(half + len(other)); done.Entries != want {
		t.Errorf("%d entries restored, want %d", done.Entries, want)
	}
	states, _, err := ask(replay.StatesConfig{Bucket: e.bucket, Version: 1}, t)
	if !errors.Is(err, replay.ErrDifference) || !strings.Contains(err.Error(), keys[2]) || len(states) != 2 {
		t.Errorf("asked: %d states, %v", len(states), err)
	}
	if err := e.stream.CreateStream(t.Context(), "again", 1); err != nil {
		t.Fatal(err)
	}
	published, err := replay.Republish(t.Context(), replay.RepublishConfig{
		Bucket: e.bucket, Journal: e.reader, Table: e.table, Streams: e.stream, Stream: "again", LiveStream: "events",
	})
	if !errors.Is(err, replay.ErrDifference) || !strings.Contains(err.Error(), keys[2]) || published != done.Entries {
		t.Errorf("republished %d, %v", published, err)
	}
}
