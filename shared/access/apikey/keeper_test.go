package apikey

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/table"
)

var errDown = errors.New("down")

// watched counts the readings of the table and fails them while it is down. With old set, the next
// list shows those keys instead of the table's; with restored, every reading is of that table.
type watched struct {
	table.Table
	gets, lists atomic.Int64
	down        atomic.Bool
	old         atomic.Pointer[table.Page]
	restored    atomic.Pointer[faults.Table]
	slow        atomic.Int64 // how long a row takes, in nanoseconds
}

// read returns the table that is read.
func (w *watched) read() table.Table {
	if restored := w.restored.Load(); restored != nil {
		return restored
	}
	return w.Table
}

func (w *watched) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	w.gets.Add(1)
	if w.down.Load() {
		return table.Row{}, errDown
	}
	if err := backoff.Sleep(ctx, time.Duration(w.slow.Load())); err != nil {
		return table.Row{}, err
	}
	return w.read().Get(ctx, name, key, consistent)
}

func (w *watched) Query(ctx context.Context, q table.Query) (table.Page, error) {
	w.lists.Add(1)
	if w.down.Load() {
		return table.Page{}, errDown
	}
	if old := w.old.Swap(nil); old != nil {
		return *old, nil
	}
	return w.read().Query(ctx, q)
}

// open opens a Keeper of a table, which runs until the test ends.
func open(t *testing.T, w *watched) *Keeper {
	t.Helper()
	return openLogging(t, w, io.Discard)
}

// openLogging opens a Keeper that logs.
func openLogging(t *testing.T, w *watched, log io.Writer) *Keeper {
	t.Helper()
	k, err := Open(t.Context(), Config{Table: w, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return k
}

// expect checks what a key's check answers.
func expect(t *testing.T, k *Keeper, text string, want error) {
	t.Helper()
	p, err := k.Authenticate(t.Context(), text)
	if !errors.Is(err, want) || (p == nil) != (want != nil) {
		t.Errorf("%v: %v, want %v", p, err, want)
	}
}

func TestAKeyNamesItsHolder(t *testing.T) {
	w := &watched{Table: memory(t)}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	made, text := create(t, w, func(k *Key) { k.Tenant, k.AllTenants, k.Expires = "north", true, until })
	k, err := Open(t.Context(), Config{Table: w})
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Authenticate(t.Context(), text)
	want := access.Principal{Actor: "key:" + made.ID, Tenant: "north", Scopes: made.Scopes, AllTenants: true, Expires: until}
	if err != nil || *p != want {
		t.Errorf("%+v: %v", p, err)
	}
}

// What is not a good key is refused, each for its own reason, and without a look into the table.
func TestWrongKeysAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watched{Table: memory(t)}
		_, right := create(t, w, nil)
		gone, revoked := create(t, w, nil)
		revoke(t, w, gone.ID, dayOne)
		_, expired := create(t, w, func(k *Key) { k.Expires = dayOne.Add(time.Minute) })
		k := open(t, w)
		expect(t, k, expired, nil)
		time.Sleep(time.Minute + pollEvery/2)
		reads := w.gets.Load() + w.lists.Load()
		forged := Generate()
		for text, want := range map[string]error{
			right: nil, revoked: errRevoked, expired: access.ErrExpired, forged.Text: errUnknown, "": errMalformed, "x" + right: errMalformed,
			withSecret(right, forged.Text): errSecret,
		} {
			expect(t, k, text, want)
		}
		for _, wrong := range []error{errRevoked, errUnknown, errMalformed, errSecret} {
			if !errors.Is(wrong, access.ErrInvalid) {
				t.Errorf("%v is not one of credentials that are invalid", wrong)
			}
		}
		if now := w.gets.Load() + w.lists.Load(); now != reads {
			t.Errorf("%d reads of the table", now-reads)
		}
	})
}

// withSecret returns the id of one key with the secret of another, as a well-formed key.
func withSecret(id, secret string) string {
	random := secret[secretAt : secretAt+randomLength]
	check := checksum([checkedLength]byte([]byte(id[len(prefix):secretAt-1] + random)))
	return id[:secretAt] + random + string(check[:])
}

// A key that is made while a process runs is known within 2 seconds, and one that is revoked is
// refused within 5.
func TestChangesAreKnownInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watched{Table: memory(t)}
		k := open(t, w)
		made, text := create(t, w, nil)
		expect(t, k, text, access.ErrInvalid)
		time.Sleep(2 * time.Second)
		expect(t, k, text, nil)
		revoke(t, w, made.ID, time.Now())
		time.Sleep(5 * time.Second)
		expect(t, k, text, access.ErrInvalid)
	})
}

// A list may show one row of a transaction and not the other. The revocation is noticed still.
func TestAListByHalvesMissesNoRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watched{Table: memory(t)}
		made, text := create(t, w, nil)
		k := open(t, w)
		time.Sleep(5 * time.Second)
		before, err := w.Table.Query(t.Context(), table.Query{Table: control.Name, PK: control.APIKeys(w).Partition()})
		if err != nil {
			t.Fatal(err)
		}
		// A reading falls into this moment too, so the half list is there before the revocation.
		w.old.Store(&before)
		revoke(t, w.Table, made.ID, time.Now())
		time.Sleep(5 * time.Second)
		if w.old.Load() != nil {
			t.Error("no list was by halves")
		}
		expect(t, k, text, access.ErrInvalid)
	})
}

// Without a change, a process reads one row a second and lists nothing.
func TestAnIdleProcessReadsOneRowASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watched{Table: memory(t)}
		create(t, w, nil)
		open(t, w)
		time.Sleep(2500 * time.Millisecond) // both lists are done
		gets, lists := w.gets.Load(), w.lists.Load()
		time.Sleep(time.Minute)
		if gets, lists = w.gets.Load()-gets, w.lists.Load()-lists; gets != 60 || lists != 0 {
			t.Errorf("%d rows and %d lists in a minute", gets, lists)
		}
	})
}

// With the table out of reach, the known keys are good for a minute and no longer, and good again
// when it is back. What was changed in the meantime is known then.
func TestKnownKeysOutliveTheTableForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watched{Table: memory(t)}
		_, text := create(t, w, nil)
		gone, revoked := create(t, w, nil)
		k := open(t, w)
		w.down.Store(true)
		time.Sleep(GoodFor - 2*pollEvery)
		expect(t, k, text, nil)
		time.Sleep(4 * pollEvery)
		expect(t, k, text, access.ErrUnavailable)
		expect(t, k, "no key", access.ErrInvalid)
		if k.failed.Load() < 50 {
			t.Errorf("%d failures were counted", k.failed.Load())
		}
		w.down.Store(false)
		revoke(t, w, gone.ID, time.Now())
		time.Sleep(2 * time.Second)
		expect(t, k, text, nil)
		expect(t, k, revoked, access.ErrInvalid)
	})
}

// A table that was restored from a backup counts fewer changes: the keys are as it has them.
func TestARestoredTableIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, restored := &watched{Table: memory(t)}, memory(t)
		create(t, w, nil)
		_, text := create(t, w, nil)
		_, older := create(t, restored, nil)
		k := open(t, w)
		time.Sleep(5 * time.Second)
		expect(t, k, text, nil)
		w.restored.Store(restored)
		time.Sleep(2 * time.Second)
		expect(t, k, text, access.ErrInvalid)
		expect(t, k, older, nil)
	})
}

// A key that is used is logged once a day, and none that is not, also when keys were changed in
// between.
func TestAKeyInUseIsLoggedOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, log := &watched{Table: memory(t)}, new(bytes.Buffer)
		used, text := create(t, w, nil)
		unused, _ := create(t, w, nil)
		k := openLogging(t, w, log)
		for range 48 {
			expect(t, k, text, nil)
			expect(t, k, Generate().Text, access.ErrInvalid)
			create(t, w, nil)
			time.Sleep(time.Hour)
		}
		if lines := strings.Count(log.String(), "in use"); lines != 2 || strings.Count(log.String(), "key="+used.ID) != 2 {
			t.Errorf("%s", log)
		}
		expect(t, k, text, nil)
		if last := k.LastUsed(used.ID); last != time.Now().UTC().Truncate(24*time.Hour) || !k.LastUsed(unused.ID).IsZero() || !k.LastUsed("none").IsZero() {
			t.Errorf("last used on %v, the other on %v", last, k.LastUsed(unused.ID))
		}
	})
}

// A store that is slow delays a start and does not prevent it. Later a slow answer is given up, so
// that the next one may be in time.
func TestASlowStoreIsWaitedForAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watched{Table: memory(t)}
		_, text := create(t, w, nil)
		w.slow.Store(int64(patientTimeout - time.Second))
		k := open(t, w)
		expect(t, k, text, nil)
		time.Sleep(10 * time.Second)
		if k.failed.Load() < 3 {
			t.Errorf("%d readings were given up", k.failed.Load())
		}
		w.slow.Store(int64(2 * patientTimeout))
		if _, err := Open(t.Context(), Config{Table: w}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a store that does not answer: %v", err)
		}
	})
}

func TestABankThatCannotBeReadIsNotOpened(t *testing.T) {
	w := &watched{Table: memory(t)}
	w.down.Store(true)
	if _, err := Open(t.Context(), Config{Table: w}); !errors.Is(err, errDown) {
		t.Errorf("%v", err)
	}
	w.down.Store(false)
	fill(t, w, MaxKeys+1, nil)
	if _, err := Open(t.Context(), Config{Table: w}); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
}

// The budget is 4 microseconds and no allocation.
func TestACheckAllocatesNothing(t *testing.T) {
	w := &watched{Table: memory(t)}
	_, right := create(t, w, nil)
	k, err := Open(t.Context(), Config{Table: w})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"right": right, "unknown": Generate().Text, "another secret": withSecret(right, Generate().Text), "malformed": "pb_"} {
		if n := testing.AllocsPerRun(100, func() { _, _ = k.Authenticate(t.Context(), text) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	tbl := memory(b)
	_, right := create(b, tbl, nil)
	for range 999 {
		create(b, tbl, nil)
	}
	k, err := Open(b.Context(), Config{Table: tbl})
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name, text string
		want       error
	}{{"right", right, nil}, {"wrong", withSecret(right, Generate().Text), access.ErrInvalid}, {"unknown", Generate().Text, access.ErrInvalid}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Authenticate(b.Context(), bench.text); !errors.Is(err, bench.want) {
					b.Fatal(err)
				}
			}
		})
	}
}
