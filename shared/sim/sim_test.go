package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/journal"
)

var (
	seeds = flag.Int("seeds", 40, "how many seeds TestSim runs")
	first = flag.Uint64("first", 1, "the first seed of TestSim")
	one   = flag.Uint64("seed", 0, "run only this seed, and print its trace")
)

// simulateSeed runs a seed in a bubble. What a bubble has made may not be used in the next: two
// collections empty the pools of libraries, and the codec of long entries is made before the first.
func simulateSeed(t *testing.T, seed uint64, keep bool) (r *run) {
	t.Helper()
	makeCodec()
	if *progress != "" {
		if err := os.WriteFile(*progress, []byte(strconv.FormatUint(seed, 10)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.GC()
	synctest.Test(t, func(*testing.T) { r = simulate(seed, keep) })
	return r
}

// makeCodec has package event make its codec, by an entry that is long enough for it.
var makeCodec = sync.OnceFunc(func() {
	d := account.NewDraft(account.State{}, time.Unix(0, 0).UTC())
	d.Open("EUR", event.AccountOpened{Exponent: 2})
	for range 99 {
		d.Credit(event.MoneyCredited{Amount: 1, Kind: event.KindDeposit}, d.Today())
	}
	e := &event.Entry{
		Format: 2, Tenant: "main", AccountID: "A", First: 1, Last: 100, Currency: "EUR", RecordedAt: d.Now, Writer: "w", N: 1, Events: d.Events,
	}
	for i := range e.Events {
		e.Events[i].Command = i
		key := fmt.Sprint("key", i)
		e.Commands = append(e.Commands, event.Command{
			Key: key, Request: journal.RequestHash("op", "A", []byte(key)), CorrelationID: key, Actor: event.Text{Plain: "sim"}, First: int64(i + 1), Last: int64(i + 1), Status: 201,
		})
	}
	encoded, err := event.Seal(e, eventtest.Origin{})
	if err != nil {
		panic(err)
	}
	record, err := event.CompressRecord(encoded.Record)
	if err != nil {
		panic(err)
	}
	if _, err := event.DecodeRecord(record); err != nil {
		panic(err)
	}
})

// What was acknowledged is there once, versions have no gap, and stream, rows and archive have what
// the journal has, while calls fail and the power is cut.
func TestSim(t *testing.T) {
	if *one != 0 {
		r := simulateSeed(t, *one, true)
		t.Logf("seed %d\n%s", *one, strings.Join(r.trace.lines, "\n"))
		report(t, *one, r)
		return
	}
	began := time.Now()
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		if r := simulateSeed(t, seed, false); len(r.findings) > 0 {
			report(t, seed, r)
			return
		}
	}
	took := time.Since(began).Seconds()
	t.Logf("%d seeds in %.1f s, %.1f a second", *seeds, took, float64(*seeds)/took)
}

// report fails the test with the findings of a seed.
func report(t *testing.T, seed uint64, r *run) {
	t.Helper()
	for _, finding := range r.findings {
		t.Error(finding)
	}
	if len(r.findings) > 0 {
		t.Errorf("seed %d; `make sim SEED=%d` runs it again and prints its trace", seed, seed)
	}
}

// One seed gives one trace, on one core and on two.
func TestOneSeedGivesOneTrace(t *testing.T) {
	on := func(cores int, seed uint64) []string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		return simulateSeed(t, seed, true).trace.lines
	}
	for seed := *first; seed < *first+uint64(min(*seeds, 50)); seed++ {
		a, b := on(1, seed), on(2, seed)
		for i := range max(len(a), len(b)) {
			if i == len(a) || i == len(b) || a[i] != b[i] {
				t.Fatalf("seed %d differs from line %d:\n%s\nand then\n%s", seed, i, strings.Join(a[i:min(i+3, len(a))], "\n"), strings.Join(b[i:min(i+3, len(b))], "\n"))
			}
		}
	}
}
