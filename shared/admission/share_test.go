package admission

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

var alice, bob = Caller{"main", "key:alice"}, Caller{"main", "key:bob"}

// fill lets a caller enter until it is refused, and returns how often it was admitted and why it no
// longer was.
func fill(g *Gate, who Caller) (n int, err error) {
	for ; n <= g.most; n++ {
		if err = g.enter(who, time.Now()); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Alone a caller has all places. As soon as another one comes, it is admitted to half of them, and
// who held all gets no more than the other half, until the other has been away for a while.
func TestACallerHoldsItsShareWhileOthersUseTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(64)
		if n, err := fill(g, alice); n != 64 || !errors.Is(err, ErrFull) {
			t.Fatalf("alone: %d, %v", n, err)
		}
		if err := g.enter(bob, time.Now()); !errors.Is(err, ErrFull) {
			t.Errorf("into a full gate: %v", err)
		}
		for range 40 {
			g.leave(alice, time.Millisecond)
		}
		for range 8 { // to the half
			if err := g.enter(alice, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.Refuses(alice); !errors.Is(err, ErrShare) {
			t.Errorf("the busy one above its share: %v", err)
		}
		if n, err := fill(g, bob); n != 32 || err == nil {
			t.Errorf("the other one: %d, %v", n, err)
		}
		for range 32 {
			g.leave(bob, time.Millisecond)
		}
		if n, err := fill(g, alice); n != 0 || !errors.Is(err, ErrShare) {
			t.Errorf("while the other may come back: %d, %v", n, err)
		}
		time.Sleep(othersFor)
		if n, err := fill(g, alice); n != 32 || !errors.Is(err, ErrFull) {
			t.Errorf("alone again: %d, %v", n, err)
		}
	})
}

// Nobody in particular has no share: in a bank without credentials all requests are of one caller.
func TestNobodyInParticularHasNoShare(t *testing.T) {
	g := NewGate(64)
	if err := g.Refuses(alice); err != nil {
		t.Fatal(err)
	}
	if n, err := fill(g, Caller{}); n != 64 || !errors.Is(err, ErrFull) {
		t.Errorf("%d, %v", n, err)
	}
}

// A caller with many lines of bulk does not delay the few of another.
func TestPatientWorkOfCallersIsAdmittedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(2)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		in := make(chan Caller, 100)
		for _, who := range []Caller{alice, alice, alice, alice, bob, bob} {
			go func() {
				if g.EnterPatiently(ctx, who) == nil {
					in <- who
				}
			}()
			synctest.Wait() // so that they come in this order
		}
		var got []Caller
		for range 6 {
			synctest.Wait()
			got = append(got, <-in)
			g.LeavePatiently(got[len(got)-1])
		}
		if want := []Caller{alice, alice, bob, alice, bob, alice}; !slices.Equal(got, want) {
			t.Errorf("%v", got)
		}
		if s := g.State(); s.Busy != 0 || s.Queued != 0 || len(g.held) != 0 {
			t.Errorf("%+v, held %v", s, g.held)
		}
	})
}

// Turns keep each caller's order, pass over nobody, and forget callers of whom nothing waits.
func TestTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := newTurns()
		waiting := map[Caller][]*turn{}
		passed := map[Caller]map[Caller]int{} // how often others came since a caller had its turn
		n := 0
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				if all.n != n || len(all.lines) != len(waiting) || all.callers.Len() != len(waiting) {
					t.Fatalf("%d wait, of %d callers; expected %d, of %d", all.n, len(all.lines), n, len(waiting))
				}
			},
			"add": func(t *rapid.T) {
				who := Caller{Actor: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "who")}
				if waiting[who] == nil {
					passed[who] = map[Caller]int{}
				}
				waiting[who] = append(waiting[who], all.add(who))
				n++
			},
			"next": func(t *rapid.T) {
				if n == 0 {
					return
				}
				next := all.next()
				if waiting[next.who][0] != next {
					t.Fatal("not in the caller's order")
				}
				for who := range waiting {
					if who != next.who {
						if passed[who][next.who]++; passed[who][next.who] > 1 {
							t.Fatalf("%v had two turns while %v waited", next.who, who)
						}
					}
				}
				passed[next.who] = map[Caller]int{}
				if waiting[next.who] = waiting[next.who][1:]; len(waiting[next.who]) == 0 {
					delete(waiting, next.who)
				}
				n--
			},
			"remove": func(t *rapid.T) {
				if n == 0 {
					return
				}
				who := Caller{Actor: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "who")}
				if len(waiting[who]) == 0 {
					return
				}
				i := rapid.IntRange(0, len(waiting[who])-1).Draw(t, "which")
				all.remove(waiting[who][i])
				if waiting[who] = slices.Delete(waiting[who], i, i+1); len(waiting[who]) == 0 {
					delete(waiting, who)
				}
				n--
			},
		})
	})
}
