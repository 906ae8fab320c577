package faults_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/bucket/dirbucket"
	"passbook/shared/faults"
	"passbook/shared/table"
)

func TestRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := openTables(t, faults.TablesConfig{}, items)
		h := faults.NewClient(5 * time.Millisecond).Table(tables)
		began := time.Now()
		if err := h.Put(t.Context(), put(item("a", 100, 0), absent)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 5*time.Millisecond {
			t.Errorf("took %v", took)
		}
		// A deadline on the way there: nothing happened. On the way back: it happened.
		for name, step := range map[string]struct {
			patience time.Duration
			happened bool
		}{"b": {2 * time.Millisecond, false}, "c": {4 * time.Millisecond, true}} {
			ctx, cancel := context.WithTimeout(t.Context(), step.patience)
			if err := h.Put(ctx, put(item(name, 100, 0), absent)); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			cancel()
			_, err := h.Get(t.Context(), "items", table.Key{PK: name, SK: "-"}, true)
			if (err == nil) != step.happened {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestDisconnectedClientLosesCallsAndAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := openTables(t, faults.TablesConfig{}, items)
		c, other := faults.NewClient(5*time.Millisecond), faults.NewClient(0)
		h := c.Table(tables)
		time.AfterFunc(4*time.Millisecond, c.Disconnect)
		for _, name := range []string{"answer lost", "call lost"} {
			if err := h.Put(t.Context(), put(item(name, 100, 0), absent)); !errors.Is(err, faults.ErrDisconnected) {
				t.Errorf("%s: %v", name, err)
			}
			_, err := other.Table(tables).Get(t.Context(), "items", table.Key{PK: name, SK: "-"}, true)
			if (err == nil) != (name == "answer lost") {
				t.Errorf("%s: %v", name, err)
			}
		}
		c.Reconnect()
		if err := h.Put(t.Context(), put(item("reconnected", 100, 0), absent)); err != nil || c.Failed() != 2 {
			t.Errorf("%v, %d failed", err, c.Failed())
		}
	})
}

func TestStalledCallArrivesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := openTables(t, faults.TablesConfig{}, items)
		c, other := faults.NewClient(0), faults.NewClient(0)
		c.Stall()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Table(tables).Put(ctx, put(item("a", 100, 0), absent)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		arrived := func() bool {
			_, err := other.Table(tables).Get(t.Context(), "items", table.Key{PK: "a", SK: "-"}, true)
			return err == nil
		}
		if arrived() {
			t.Fatal("it was not stalled")
		}
		c.Resume()
		synctest.Wait()
		if !arrived() {
			t.Fatal("it never arrived")
		}
	})
}

func TestBucketRequests(t *testing.T) {
	root, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := faults.NewClient(0)
	b := c.Bucket(root)
	for range 2 { // the second finds the key taken, and is a request too
		_ = b.Create(t.Context(), "a/b", []byte("hello"))
	}
	o, err := b.Open(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for range 3 {
		if _, err := o.ReadAt(make([]byte, 1), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.List(t.Context(), "a", ""); err != nil {
		t.Fatal(err)
	}
	got := c.Snapshot()
	if got.All(faults.BucketPuts) != 2 || got.All(faults.BucketGets) != 4 || got.All(faults.BucketLists) != 1 {
		t.Fatalf("counted %v", got)
	}
}

// The prices of a million of each, as published.
func TestDollars(t *testing.T) {
	const million = 1e6
	d := faults.USEast1.Of(faults.Counts{
		{Kind: faults.WriteUnits, Name: "journal"}: million, {Kind: faults.IndexUnits, Name: "journal/writers"}: million,
		{Kind: faults.ReadUnits, Name: "journal"}: 2 * million, {Kind: faults.PutUnits, Name: "events"}: million,
		{Kind: faults.BucketPuts, Name: "bucket"}: 1000, {Kind: faults.BucketLists, Name: "bucket"}: 1000, {Kind: faults.BucketGets, Name: "bucket"}: 10_000,
		{Kind: faults.Gets, Name: "events"}: million, // reads of a shard are paid by the hour
	})
	want := faults.Dollars{Table: 0.625*2 + 0.125*2, Stream: 0.014, Bucket: 0.005 + 0.005 + 0.004}
	if diff := d.Sum() - want.Sum(); diff > 1e-9 || diff < -1e-9 || d.Stream != want.Stream || d.Table != want.Table {
		t.Fatalf("%+v, want %+v", d, want)
	}
}
