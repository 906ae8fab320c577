package replay_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/consumer"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/journal/restorer"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/stream"
)

// stopping is a projection that fails after some accounts, as Ctrl-C does.
type stopping struct {
	replay.Projection
	left atomic.Int64
}

func (s *stopping) ProjectEntries(ctx context.Context, a event.Account, entries []*event.Entry) error {
	if s.left.Add(-1) < 0 {
		return context.Canceled
	}
	return s.Projection.ProjectEntries(ctx, a, entries)
}

func TestRebuild_ContinuesAfterAnInterruption(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(11, 20, 900)
	e.commit(t, entries)
	e.project(t, 1, entries)
	e.archive(t, "s-0", archivetest.Records(entries), 100)
	c := e.rebuilding()
	c.Limits.Memory = 200 << 10
	c.Projection = func(_ context.Context, generation int64) (replay.Projection, error) {
		s := &stopping{Projection: e.projection(generation)}
		s.left.Store(6)
		return s, nil
	}
	var left int64 = math.MaxInt64
	for runs := 0; ; runs++ {
		done, err := replay.Rebuild(t.Context(), c)
		if done.Generation != 2 {
			t.Fatalf("generation %d", done.Generation)
		}
		if err == nil {
			left = done.Events
			break
		}
		if !errors.Is(err, context.Canceled) || runs > 20 {
			t.Fatal(err)
		}
	}
	var all int64
	for _, entry := range entries {
		all += int64(len(entry.Events))
	}
	if left >= all/2 {
		t.Fatalf("the last run folded %d of %d events", left, all)
	}
	if found, err := replay.Compare(t.Context(), e.comparing()); err != nil || found.Equal != 20 {
		t.Fatalf("%+v, %v", found, err)
	}
	discarding := readmodel.DiscardConfig{Table: e.table, Model: testModel.Name, Stream: "events", Generation: 2, Lease: time.Second}
	if err := replay.Discard(t.Context(), discarding); err != nil {
		t.Fatal(err)
	}
	for key := range dump(t, e.table, control.Name) {
		if key.PK == "replay#standing@2" {
			t.Fatalf("%v is left", key)
		}
	}
	if left := len(dump(t, e.table, testModel.Name)); left != 20 {
		t.Fatalf("%d rows, want those of generation 1", left)
	}
}

// A rebuild beside live traffic is promoted, and no reader sees a version go back.
func TestRebuild_BesideLiveTraffic(t *testing.T) {
	e := newEnv(t)
	entries := archivetest.Bank(12, 10, 1500)
	if err := e.stream.CreateStream(t.Context(), "events", 2); err != nil {
		t.Fatal(err)
	}
	e.commit(t, entries[:700])
	e.archiveShuffled(t, entries[:600], 4)
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		err := readmodel.NewProjector(readmodel.Config[account.State]{
			Runtime: consumer.Runtime{
				Stream: "events", Owner: "o", Exclusive: true, Table: e.table, Streams: e.stream,
				Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			},
			Rows: e.rows, Journal: e.reader,
		}).Run(ctx)
		if err != nil {
			t.Error(err)
		}
	})
	work.Go(func() { e.traffic(t, entries[700:]) })
	for _, a := range accountsOf(entries) {
		work.Go(func() { neverBack(ctx, t, e, a) })
	}
	if _, err := replay.Rebuild(t.Context(), e.rebuilding()); err != nil {
		t.Error(err)
	}
	// While both generations follow, a row may be met behind; promotion waits for the candidate.
	promoted := false
	for deadline := time.Now().Add(20 * time.Second); !promoted && time.Now().Before(deadline); {
		_, err := replay.Promote(t.Context(), e.comparing(), false)
		if err != nil && !errors.Is(err, replay.ErrDifference) {
			t.Error(err)
			break
		}
		promoted = err == nil
	}
	if !promoted {
		t.Error("never promoted")
	}
	for _, a := range accountsOf(entries) {
		head, err := e.reader.Head(t.Context(), a)
		if err != nil {
			t.Error(err)
			break
		}
		if _, err := e.rows.Wait(t.Context(), a, head.State.Version, 20*time.Second); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	cancel()
	work.Wait()
}

// traffic commits and publishes entries one after another.
func (e *env) traffic(t *testing.T, entries []*event.Entry) {
	restorer := restorer.New(e.table)
	for _, entry := range entries {
		a := entry.Account()
		head, err := e.reader.Head(t.Context(), a)
		s := head.State
		for _, ev := range entry.Events {
			if err == nil {
				s, err = account.Fold(s, ev)
			}
		}
		if err == nil {
			err = restorer.Restore(t.Context(), entry, s)
		}
		var sealed event.Encoded
		if err == nil {
			sealed, err = event.Seal(entry, eventtest.Keys)
		}
		if err == nil {
			_, err = e.stream.Put(t.Context(), "events", []stream.Record{{PartitionKey: a.String(), Data: sealed.Record}})
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// neverBack reads an account's row again and again.
func neverBack(ctx context.Context, t *testing.T, e *env, a event.Account) {
	var last int64
	for ctx.Err() == nil {
		row, err := e.rows.Get(ctx, a)
		switch {
		case errors.Is(err, readmodel.ErrNoRow), errors.Is(err, readmodel.ErrBehind), ctx.Err() != nil:
			continue
		case err != nil:
			t.Error(err)
			return
		case row.Version < last:
			t.Errorf("%s went from v%d back to v%d", a, last, row.Version)
			return
		}
		last = row.Version
	}
}
