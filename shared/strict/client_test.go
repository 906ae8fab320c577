package strict_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/bucket/dirbucket"
	"passbook/shared/strict"
	"passbook/shared/table"
)

func TestRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := openTables(t, strict.TablesConfig{}, items)
		h := strict.NewClient(5 * time.Millisecond).Table(tables)
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

func TestCutLineLosesCallsAndAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := openTables(t, strict.TablesConfig{}, items)
		c, other := strict.NewClient(5*time.Millisecond), strict.NewClient(0)
		h := c.Table(tables)
		time.AfterFunc(4*time.Millisecond, c.Cut)
		for _, name := range []string{"answer lost", "call lost"} {
			if err := h.Put(t.Context(), put(item(name, 100, 0), absent)); !errors.Is(err, strict.ErrCut) {
				t.Errorf("%s: %v", name, err)
			}
			_, err := other.Table(tables).Get(t.Context(), "items", table.Key{PK: name, SK: "-"}, true)
			if (err == nil) != (name == "answer lost") {
				t.Errorf("%s: %v", name, err)
			}
		}
		c.Heal()
		if err := h.Put(t.Context(), put(item("healed", 100, 0), absent)); err != nil || c.Lost() != 2 {
			t.Errorf("%v, %d lost", err, c.Lost())
		}
	})
}

func TestHeldCallArrivesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := openTables(t, strict.TablesConfig{}, items)
		c, other := strict.NewClient(0), strict.NewClient(0)
		c.Hold()
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
			t.Fatal("not held")
		}
		c.Release()
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
	c := strict.NewClient(0)
	b := c.Bucket(root)
	for range 2 { // the second finds the key taken, and is a request all the same
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
	if got.All(strict.BucketPuts) != 2 || got.All(strict.BucketGets) != 4 || got.All(strict.BucketLists) != 1 {
		t.Fatalf("counted %v", got)
	}
}

// The prices of a million of each, as published.
func TestDollars(t *testing.T) {
	const million = 1e6
	d := strict.USEast1.Of(strict.Counts{
		{Kind: strict.WriteUnits, Name: "journal"}: million, {Kind: strict.IndexUnits, Name: "journal/writers"}: million,
		{Kind: strict.ReadUnits, Name: "journal"}: 2 * million, {Kind: strict.PutUnits, Name: "events"}: million,
		{Kind: strict.BucketPuts, Name: "bucket"}: 1000, {Kind: strict.BucketLists, Name: "bucket"}: 1000, {Kind: strict.BucketGets, Name: "bucket"}: 10_000,
		{Kind: strict.Gets, Name: "events"}: million, // reads of a shard are paid by the hour
	})
	want := strict.Dollars{Table: 0.625*2 + 0.125*2, Stream: 0.014, Bucket: 0.005 + 0.005 + 0.004}
	if diff := d.Sum() - want.Sum(); diff > 1e-9 || diff < -1e-9 || d.Stream != want.Stream || d.Table != want.Table {
		t.Fatalf("%+v, want %+v", d, want)
	}
}
