package discovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

// bankKeys are the keys of a bank, of which a thief has others.
type bankKeys struct{ key []byte }

func (k bankKeys) DeriveCurrent(string) (int, []byte, bool) { return 1, k.key, k.key != nil }

func (k bankKeys) DeriveRecent(_ string, id int) ([]byte, bool) { return k.key, id == 1 }

var keys = bankKeys{[]byte("of the bank")}

// store returns a control table, with faults.
func store(t *testing.T) *faults.Table {
	t.Helper()
	return storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
}

// instance returns a process of balance.
func instance(name string) Process {
	return Process{
		Service: "balance", Instance: name, Version: "v1", Started: time.Now(), Host: "one", API: "http://10.0.0.1:8083", Metrics: "10.0.0.1:9090",
	}
}

// run runs something until stop is called.
func run(t *testing.T, f func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// names returns the instances that a directory names.
func names(t *testing.T, d *Directory) string {
	t.Helper()
	list, err := d.Of(t.Context(), "balance")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range list {
		all = append(all, p.Instance)
	}
	return strings.Join(all, " ")
}

// A process is named while its heart beats. One that ends is gone at the next reading, one that
// dies after Silence, and its row is removed by another process.
func TestProcessesAreNamedWhileTheyLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables, log := store(t), slog.New(slog.DiscardHandler)
		a := instance("a")
		defer run(t, NewHeartbeat(tables, keys, a, log).Run)()
		leaving := NewHeartbeat(tables, keys, instance("b"), log)
		defer run(t, leaving.Run)()
		if err := NewHeartbeat(tables, keys, instance("c"), log).beat(t.Context()); err != nil { // it dies
			t.Fatal(err)
		}
		synctest.Wait()
		d := NewDirectory(tables, keys)
		defer run(t, d.Run)()
		if got := names(t, d); got != "a b c" {
			t.Errorf("named are %q", got)
		}
		list, err := d.Of(t.Context(), "balance")
		if err != nil || !list[0].Started.Equal(a.Started) || list[0].API != a.API || list[0].Metrics != a.Metrics || list[0].Host != "one" || list[0].Version != "v1" {
			t.Errorf("%+v, %v", list[0], err)
		}
		leaving.Leave()
		time.Sleep(readEvery + time.Millisecond)
		if got := names(t, d); got != "a c" {
			t.Errorf("after one left, named are %q", got)
		}
		time.Sleep(Silence)
		if got := names(t, d); got != "a" {
			t.Errorf("after one died, named are %q", got)
		}
		if all, err := d.All(t.Context()); err != nil || len(all) != 2 || all[0].Silent || !all[1].Silent {
			t.Errorf("after one died, all are %+v, %v", all, err)
		}
		time.Sleep(Forgotten + 2*sweepEvery)
		left, err := rows(tables).Range(t.Context(), "", "", false, 10)
		if err != nil || len(left) != 1 || left[0].SK != "balance#a" {
			t.Errorf("rows are left: %v, %v", left, err)
		}
	})
}

// A row that no program of the bank signed names nobody, nor does one that somebody changed: the
// address in it would be sent the credentials of callers. A bank without data keys has only such
// rows.
func TestForgedRowsNameNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables, log := store(t), slog.New(slog.DiscardHandler)
		for name, by := range map[string]bankKeys{"genuine": keys, "thief": {[]byte("of a thief")}, "unsigned": {}} {
			if err := NewHeartbeat(tables, by, instance(name), log).beat(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for name, change := range map[string]table.Value{"api": table.S("http://10.6.6.6:80"), "metrics": table.S("10.6.6.6:80"), "host": table.S("two"), "version": table.S("v2"), "started": table.S("2026-11-30T00:00:00Z"), "epoch": table.N(7), "beat": table.S(timeText(time.Now().Add(time.Second)))} {
			changed := instance("changed-" + name)
			changed.beat = time.Now()
			attrs := changed.attrs(1, keys)
			attrs[name] = change
			if err := rows(tables).Put(t.Context(), "balance#changed-"+name, attrs, nil); err != nil {
				t.Fatal(err)
			}
		}
		d, old := NewDirectory(tables, keys), NewDirectory(tables, bankKeys{})
		// nor do many of them hide the others
		defer func() {
			for i := range MaxProcesses {
				if err := rows(tables).Put(t.Context(), fmt.Sprint("a#", i), table.Map{"epoch": table.N(1)}, nil); err != nil {
					t.Fatal(err)
				}
			}
			if list, err := d.read(t.Context()); err != nil || len(list) != 1 {
				t.Errorf("among many forged rows: %v, %v", list, err)
			}
		}()
		defer run(t, d.Run)()
		defer run(t, old.Run)()
		if got := names(t, d); got != "genuine" {
			t.Errorf("named are %q", got)
		}
		if list, err := old.All(t.Context()); err != nil || len(list) != 10 {
			t.Errorf("a bank without keys names %v, %v", list, err)
		}
	})
}

// Rows that somebody has read while a process lived, and puts in turn after its end, name it for
// three minutes at most.
func TestRowsThatArePutAgainNameNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables := store(t)
		h := NewHeartbeat(tables, keys, instance("a"), slog.New(slog.DiscardHandler))
		var recorded []table.Row
		for range 2 {
			time.Sleep(Every)
			if err := h.beat(t.Context()); err != nil {
				t.Fatal(err)
			}
			row, err := rows(tables).Get(t.Context(), "balance#a")
			if err != nil {
				t.Fatal(err)
			}
			recorded = append(recorded, row)
		}
		d := NewDirectory(tables, keys)
		defer run(t, d.Run)()
		ended := time.Now()
		for i := 0; time.Since(ended) < 15*time.Minute; i++ {
			if err := rows(tables).Put(t.Context(), "balance#a", recorded[i%2].Attrs, rows(tables).Version(recorded[(i+1)%2])); err != nil {
				t.Fatal(err)
			}
			time.Sleep(readEvery + time.Second)
			got, most := names(t, d), Stale+ClockMargin+readEvery+time.Second
			if time.Since(ended) > most && got != "" {
				t.Fatalf("%v after its end, named are %q", time.Since(ended), got)
			}
		}
	})
}

// A process whose clock is off is named within the margin, and silent beyond it.
func TestClocksMayBeApart(t *testing.T) {
	now := time.Now()
	for off, want := range map[time.Duration]bool{
		0: false, -ClockMargin: false, ClockMargin: false, ClockMargin + 1: true, -Stale - ClockMargin: false, -Stale - ClockMargin - 1: true,
	} {
		if got := (Process{beat: now.Add(off)}).stale(now); got != want {
			t.Errorf("a row of %v is stale: %v", off, got)
		}
	}
}

// A process that starts again takes its row over; one whose write got no answer continues; two of
// one name say so.
func TestRowsAreTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables, text := store(t), &bytes.Buffer{}
		log := slog.New(slog.NewTextHandler(text, nil))
		first := NewHeartbeat(tables, keys, instance("a"), log)
		if err := first.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		second := NewHeartbeat(tables, keys, instance("a"), log)
		errLost := errors.New("the answer was lost")
		if err := second.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
		tables.Arm(&faults.Rule{Match: faults.On(control.Name), After: errLost}, 1)
		if err := second.beat(t.Context()); !errors.Is(err, errLost) {
			t.Fatal(err)
		}
		for range 2 {
			if err := second.beat(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if text.Len() > 0 {
			t.Errorf("a restart says %s", text)
		}
		if err := first.beat(t.Context()); err != nil || !strings.Contains(text.String(), "name each with --instance") {
			t.Errorf("two of one name: %v, %s", err, text)
		}
		if err := second.remove(t.Context()); err != nil {
			t.Error(err)
		}
		if row, err := rows(tables).Get(t.Context(), "balance#a"); err != nil || row.Attrs.Number("epoch") != first.epoch {
			t.Errorf("the other's row: %v, %v", row, err)
		}
	})
}

// broken is a table whose queries fail while it is down.
type broken struct {
	table.Table
	down atomic.Bool
}

var errDown = errors.New("no table")

func (b *broken) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if b.down.Load() {
		return table.Page{}, errDown
	}
	return b.Table.Query(ctx, q)
}

// An outage of the table is logged once, and so is its end; the directory keeps what it knew and
// returns why it is old.
func TestOutagesAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tables, text := store(t), &bytes.Buffer{}
		h := NewHeartbeat(tables, keys, instance("a"), slog.New(slog.NewTextHandler(text, nil)))
		read := &broken{Table: tables}
		d := NewDirectory(read, keys)
		stopBeat, stopReading := run(t, h.Run), run(t, d.Run)
		time.Sleep(readEvery + time.Second)
		read.down.Store(true)
		refused := tables.Arm(&faults.Rule{Match: faults.On(control.Name), Before: errDown}, 2)
		time.Sleep(2*Every + time.Second)
		if list, err := d.All(t.Context()); len(list) != 1 || !errors.Is(err, errDown) || refused.Fired() != 2 {
			t.Errorf("during the outage: %v, %v, %d", list, err, refused.Fired())
		}
		read.down.Store(false)
		time.Sleep(2 * Every)
		if list, err := d.All(t.Context()); len(list) != 1 || err != nil {
			t.Errorf("after it: %v, %v", list, err)
		}
		stopReading()
		stopBeat()
		if n := strings.Count(text.String(), "\n"); n != 2 || !strings.Contains(text.String(), "written again") {
			t.Errorf("%d lines: %s", n, text)
		}
	})
}

// An address of the loopback interface is good on its own machine alone.
func TestLoopbackIsReachedFromItsOwnMachine(t *testing.T) {
	for address, from := range map[string]string{"http://127.0.0.1:8083": "one", "http://localhost:8083": "one", "http://[::1]:8083": "one", "127.0.0.1:9090": "one", "https://10.0.0.1:8083": "one two", "balance.internal:9090": "one two", "nowhere": ""} {
		for _, host := range []string{"one", "two"} {
			err := instance("a").Reachable(host, address)
			if want := strings.Contains(from, host); (err == nil) != want {
				t.Errorf("%s from %s: %v", address, host, err)
			}
		}
	}
}
