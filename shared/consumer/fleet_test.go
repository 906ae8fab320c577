package consumer

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/backoff"
	"passbook/shared/faults"
)

func TestEveryConsumerIsSharedEvenlyAsInstancesComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 6)
		for _, step := range []struct {
			what   string
			change func()
			within time.Duration
		}{
			{"the first starts", func() { f.start("a") }, 2 * time.Second},
			{"a second starts", func() { f.start("b") }, 5 * time.Second},
			{"two start at once", func() { f.start("c"); f.start("d") }, 10 * time.Second},
			{"one is killed", func() { f.kill("b") }, DefaultLease*3/2 + 5*time.Second},
			{"one is drained as one starts", func() { f.start("e"); f.drain("a") }, 10 * time.Second},
			{"two are drained", func() { f.drain("c"); f.drain("d") }, 5 * time.Second},
			{"eight start, more than there are shards", func() {
				for i := range 8 {
					f.start(fmt.Sprint("x", i))
				}
			}, 20 * time.Second},
			{"seven are killed", func() {
				for i := range 7 {
					f.kill(fmt.Sprint("x", i))
				}
			}, DefaultLease*3/2 + 5*time.Second},
		} {
			step.change()
			f.within(step.within, step.what+", "+f.names(), f.even)
			time.Sleep(DefaultLease)
			moves := f.opened()
			time.Sleep(DefaultLease)
			if n := f.opened() - moves; n != 0 || !f.even() {
				t.Errorf("%s: %d leases moved in a lease without a change; %v", step.what, n, f.unread())
			}
		}
	})
}

// Wherever in its renewals an instance dies, a record waits at most 1.5 leases and a poll.
func TestKilledInstanceIsReplacedWithinOneAndAHalfLeases(t *testing.T) {
	for offset := range 3 {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, 4)
			entries := archivetest.Bank(uint64(offset), 20, 1500)
			f.start("a")
			f.start("b")
			f.within(5*time.Second, "shared", f.even)
			f.load(entries[:50], nil)
			f.must(backoff.Sleep(t.Context(), time.Duration(offset)*800*time.Millisecond))
			before, killed := f.played(), time.Time{}
			replaced := make(chan time.Duration, 1)
			f.load(entries[50:], map[int]func(){100: func() {
				killed = time.Now()
				f.kill("a")
				go func() {
					f.within(DefaultLease*3/2, "b has all", f.allOwned)
					replaced <- time.Since(killed)
				}()
			}})
			f.must(backoff.Sleep(t.Context(), 2*time.Second))
			if took := <-replaced; took < DefaultLease/2 {
				t.Errorf("taken after %v: the instance could still have been alive", took)
			}
			if late := f.latest(before); late > DefaultLease*3/2+PollEvery {
				t.Errorf("a record waited %v", late)
			}
			for _, tape := range f.tapes {
				tape.checkAll(t, entries)
			}
		})
	}
}

// No record waits longer than two seconds and a poll for an instance that starts or ends, and none
// is delivered twice.
func TestHandOverUnderLoadTakesTwoSecondsAndDeliversNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 4)
		entries := archivetest.Bank(3, 20, 2000)
		f.start("a")
		f.within(2*time.Second, "a has all", f.allOwned)
		f.load(entries[:50], nil)
		before := f.played()
		f.load(entries[50:], map[int]func(){
			100:  func() { f.start("b") },
			500:  func() { f.start("c") },
			1000: func() { f.drain("a"); f.within(2*time.Second, "the others have all", f.allOwned) },
			1500: func() { f.drain("b"); f.within(2*time.Second, "c has all", f.allOwned) },
		})
		f.must(backoff.Sleep(t.Context(), 2*time.Second))
		if late := f.latest(before); late > 2*time.Second+PollEvery {
			t.Errorf("a record waited %v", late)
		}
		for _, tape := range f.tapes {
			tape.checkOnce(t, entries)
		}
	})
}

// 4 shards become 8, then 4 again, twice, while instances start, end and die and the stream fails
// as Kinesis does: every consumer gets every record, each account's in order, and records no hole.
func TestReshardingUnderLoadWithInstancesDyingLosesNothing(t *testing.T) {
	for seed := range uint64(2) {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet(t, 4)
			entries := archivetest.Bank(seed, 40, 3000)
			f.streams.Fail(faults.Chances{Seed: seed, Refuse: 5, Lose: 5, LoseCall: 2, Throttle: 10, Expire: 5, Empty: 10})
			f.start("a")
			f.start("b")
			f.load(entries, map[int]func(){
				200:  f.splitAll,
				220:  func() { f.kill("a") },
				400:  func() { f.start("c") },
				900:  f.mergeAll,
				910:  func() { f.kill("b"); f.start("d") },
				1300: f.splitAll,
				1305: func() { f.drain("c"); f.start("e") },
				1310: f.mergeAll, // the children are closed before any worker can have read them
				1900: func() { f.kill("d"); f.kill("e") },
				1950: f.splitAll,
				2000: f.mergeAll,
				2100: func() { f.start("g") }, // finds closed shards that no worker has read
				2500: func() { f.start("h") },
			})
			fired := f.streams.Fired()
			f.streams.Fail(faults.Chances{})
			f.within(2*DefaultLease, "all read, and shared again", func() bool { return f.even() && f.unread()["archiver"]["g"] == 2 })
			f.must(backoff.Sleep(t.Context(), 5*time.Second))
			for consumer, tape := range f.tapes {
				tape.checkAll(t, entries)
				if n := len(tape.plays()); n > 3*len(entries) {
					t.Errorf("%s: %d deliveries of %d entries", consumer, n, len(entries))
				}
				holes, err := Holes(t.Context(), f.table, testStream, consumer)
				if len(holes) != 0 || err != nil {
					t.Errorf("%s: holes %+v, %v", consumer, holes, err)
				}
				leases, err := leasesOf(f.table, testStream, consumer).list(t.Context())
				f.must(err)
				if len(leases) != 4+3*(8+4) {
					t.Errorf("%s: %d leases", consumer, len(leases))
				}
			}
			if fired.Refuse*fired.Lose*fired.LoseCall*fired.Throttle*fired.Expire*fired.Empty == 0 {
				t.Errorf("a fault never fired: %+v", fired)
			}
		})
	}
}
