package tip

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/faults"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// With fan-out every process serves feeds and none reads as the consumers do, through the renewal
// of subscriptions every 5 minutes.
func TestFanOutTakesNoReadOfTheConsumers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		a, b := f.process("a"), f.process("b")
		f.send(3)
		readers := []*reader{f.mustRead(a), f.mustRead(b), f.mustRead(b)}
		if got := f.consumers(); !slices.Equal(got, []string{"feed-a", "feed-b"}) {
			t.Errorf("consumers %v", got)
		}
		for range 60 {
			f.send(2)
			for _, r := range readers {
				r.until(time.Second)
			}
			time.Sleep(15 * time.Second)
		}
		for _, r := range readers {
			r.has(3, 123)
			r.done()
		}
		if gets := a.Snapshot().Of(faults.Gets, events) + b.Snapshot().Of(faults.Gets, events); gets != 0 || a.Source() != FanOut || b.Source() != FanOut {
			t.Errorf("%v reads, by %s and %s", gets, a.Source(), b.Source())
		}
		a.stop()
		b.stop()
		if got := f.consumers(); len(got) > 0 {
			t.Errorf("consumers %v are left", got)
		}
	})
}

// Where fan-out delivers nothing exactly one process polls, every 2 seconds; another one says
// which. If that one dies, the other polls.
func TestWithoutFanOutOneProcessPolls(t *testing.T) {
	for name, fault := range map[string]func(f *fleet){
		"silent":  func(f *fleet) { f.fanOut.Silence(true) },
		"full":    func(f *fleet) { f.fanOut.Refuse(stream.ErrFull) },
		"refused": func(f *fleet) { f.fanOut.Refuse(stream.ErrRefused) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(t)
				fault(f)
				a, b := f.process("a"), f.process("b")
				r := f.mustRead(a)
				if a.Source() != Polling {
					t.Fatalf("reads by %s", a.Source())
				}
				time.Sleep(30 * time.Second)
				_, err := f.read(b)
				var elsewhere *ElsewhereError
				if !errors.As(err, &elsewhere) || elsewhere.Process != "a/a" || b.Source() != Elsewhere {
					t.Fatalf("a feed of the other process: %v, by %s", err, b.Source())
				}
				before, began := a.Snapshot(), time.Now()
				for range 20 {
					f.send(1)
					r.until(2*pollEvery + time.Second)
					time.Sleep(time.Second)
				}
				r.has(0, 20)
				reads := a.Snapshot().Sub(before).Of(faults.Gets, events)
				if most := time.Since(began).Seconds()/pollEvery.Seconds() + 1; reads == 0 || reads > most {
					t.Errorf("%v reads, at most %v", reads, most)
				}
				if n := b.Snapshot().Of(faults.Gets, events); n != 0 {
					t.Errorf("the other process has read %v times", n)
				}
				if got := f.consumers; name == "silent" && len(got()) > 0 {
					t.Errorf("consumers %v are kept", got())
				}
				a.Disconnect()
				f.takesOver(b)
			})
		})
	}
}

// takesOver checks that a process serves feeds before long.
func (f *fleet) takesOver(p *process) {
	f.t.Helper()
	for began := time.Now(); ; time.Sleep(time.Second) {
		r, err := f.read(p)
		if err == nil {
			f.send(1)
			r.until(5 * time.Second)
			r.has(f.sent-1, f.sent)
			r.done()
			return
		}
		if time.Since(began) > leaseFor+10*time.Second {
			f.t.Fatal(err)
		}
	}
}

// A feed that reads the newest records loses none when fan-out ends and polls begin.
func TestFromFanOutToPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		p := f.process("a")
		r := f.mustRead(p)
		f.send(5)
		r.until(time.Second)
		f.fanOut.Refuse(errors.New("away"))
		f.send(5)
		r.until(20 * time.Second)
		r.has(0, 10)
		if p.Source() != Polling {
			t.Errorf("reads by %s", p.Source())
		}
		f.fanOut.Refuse(nil)
		time.Sleep(fanOutAgain + time.Minute)
		f.send(5)
		r.until(5 * time.Second)
		r.has(0, 15)
		if p.Source() != FanOut {
			t.Errorf("after %v it reads by %s", fanOutAgain, p.Source())
		}
	})
}

// What dead processes have left is found by a row that does not rise, or by age, and what the
// living have is kept, and what is not of the bank.
func TestConsumersOfDeadProcessesAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		const stray, foreign = "feed-01939ad0-5c1e-7000-8000-0123456789ab", "feed-of-analytics"
		for _, name := range []string{"feed-dead", stray, "analytics", foreign} {
			if err := f.fanOut.Register(t.Context(), events, name); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"feed-dead", "feed-dead-too"} {
			if err := f.rows.Put(t.Context(), name, table.Map{"epoch": table.N(7), "owner": table.S("dead")}, nil); err != nil {
				t.Fatal(err)
			}
		}
		a, b := f.process("a"), f.process("b")
		f.mustRead(a)
		f.mustRead(b)
		time.Sleep(deadAfter / 2)
		if got, want := f.consumers(), []string{"analytics", stray, "feed-a", "feed-b", "feed-dead", foreign}; !slices.Equal(got, want) {
			t.Errorf("at first %v, want %v", got, want)
		}
		time.Sleep(strayAfter + 2*sweepEvery)
		if got, want := f.consumers(), []string{"analytics", "feed-a", "feed-b", foreign}; !slices.Equal(got, want) {
			t.Errorf("in the end %v, want %v", got, want)
		}
		var rows []string
		for row, err := range f.rows.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row.SK)
		}
		if want := []string{"feed-a", "feed-b"}; !slices.Equal(rows, want) {
			t.Errorf("rows %v, want %v", rows, want)
		}
	})
}

// Feeds of several processes that catch up take turns, and together they read a shard once in 2
// seconds.
func TestFeedsThatCatchUpTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		turns := map[string]int{}
		var mu sync.Mutex
		began := time.Now()
		for _, name := range []string{"a", "b", "c"} {
			p := f.process(name)
			f.mustRead(p)
			go func() {
				for time.Since(began) < 10*time.Minute {
					err := p.Turn(t.Context(), "shard")
					var elsewhere *ElsewhereError
					if errors.As(err, &elsewhere) { // two others were first for two minutes: clients come again
						continue
					}
					if err != nil {
						return
					}
					mu.Lock()
					turns[name]++
					mu.Unlock()
				}
			}()
		}
		time.Sleep(11 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		total := 0
		for name, n := range turns {
			if total += n; n < 30 {
				t.Errorf("%s had %d turns", name, n)
			}
		}
		if most := int(10*time.Minute/pollEvery) + 30; len(turns) != 3 || total > most || total < most/2 {
			t.Errorf("%d turns of %d processes, at most %d", total, len(turns), most)
		}
	})
}
