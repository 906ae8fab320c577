package sim

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// archived returns the entries in the archive, once nothing is missing there.
func (j *judge) archived() (entries map[event.Hash]*event.Entry, plan archive.Plan, err error) {
	ctx := context.Background()
	entries = map[event.Hash]*event.Entry{}
	if plan, err = archive.LoadPlan(ctx, j.run.bucket); err != nil {
		return entries, plan, err
	}
	plan = plan.Filter(func(p archive.Planned) bool { return p.Name.Stream == events })
	var mu sync.Mutex
	err = plan.Read(ctx, j.run.bucket, segment.Exact, func(string, string) bool { return true },
		func(_ *archive.Planned, records []segment.Record) error {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range records {
				entries[r.Entry.Hash] = r.Entry
			}
			return nil
		}, func(_ *archive.Planned, err error) error { return err }, nil)
	return entries, plan, err
}

// unarchived returns how many entries of the journal the archive does not have.
func (j *judge) unarchived() (n int) {
	archived, _, err := j.archived()
	if err != nil {
		return len(j.hashes)
	}
	for hash := range j.hashes {
		if archived[hash] == nil {
			n++
		}
	}
	return n
}

// archive checks that the archive has each entry of the journal, and no other, and misses nothing.
func (j *judge) archive() {
	archived, plan, err := j.archived()
	if err != nil {
		j.run.fail("read the archive: %v", err)
	}
	for _, gap := range plan.Gaps {
		j.run.fail("the archive has a gap: %v", gap)
	}
	for _, s := range plan.Segments {
		for _, at := range []int64{s.Footer.Arrived.From, s.Footer.Arrived.To} {
			if day := time.UnixMicro(at).UTC(); day.Format(time.DateOnly) != s.Name.Date.Format(time.DateOnly) {
				j.run.fail("%s has a record that arrived at %v", s.Key, day)
			}
		}
	}
	for key, was := range j.run.lost {
		if is, err := bytesOf(j.run.bucket, key); err != nil || !bytes.Equal(is, was) {
			j.run.fail("%s was lost and was not made again as it was: %v", key, err)
		}
	}
	for _, e := range archived {
		if j.hashes[e.Hash] == nil {
			j.run.fail("the archive has %s v%d, which is not the journal's", e.AccountID, e.First)
		}
	}
	for _, a := range j.accounts() {
		for _, e := range j.entries[a] {
			if archived[e.Hash] == nil {
				j.run.fail("the archive does not have %s v%d", a.ID, e.First)
			}
		}
	}
}

// untabled returns how many entries of the journal the events table does not have.
func (j *judge) untabled() (n int) {
	if !j.run.compacts {
		return 0
	}
	for _, e := range j.hashes {
		if !j.run.tables.has(e) {
			n++
		}
	}
	return n
}

// table checks that the events table has each event of the journal once, and no other, that all
// forks were named, and that nothing waits when all is read.
func (j *judge) table() {
	if !j.run.compacts {
		return
	}
	j.run.await(2*time.Minute, func() string {
		result, err := j.run.on()[0].part("judge").addRows(context.Background(), disturbedRuns, 1<<20)
		if err != nil || result.Events > 0 || len(result.Waiting)+len(result.Gaps) > 0 || len(j.run.segments.unnamed()) > 0 {
			return fmt.Sprintf("the compactor still adds: %+v, %v", result, err)
		}
		return ""
	})
	want := 0
	for _, e := range j.hashes {
		for i := range e.Events {
			want++
			ev := &e.Events[i]
			rows := j.run.tables.rows[e.Account()][ev.Version]
			if len(rows) != 1 || event.Hash(rows[0].EntryHash) != e.Hash || rows[0].Posted != ev.After.Posted || rows[0].Held != ev.After.Held || rows[0].Data != string(ev.Data) {
				j.run.fail("the events table has %s v%d %d times, or another event", e.AccountID, ev.Version, len(rows))
			}
		}
	}
	got := 0
	for _, versions := range j.run.tables.rows {
		for _, rows := range versions {
			got += len(rows)
		}
	}
	if got != want {
		j.run.fail("the events table has %d rows, and the journal %d events", got, want)
	}
	for _, place := range j.run.segments.unnamed() {
		j.run.fail("%s has another entry in the archive, which no run of the compactor named", place)
	}
}
