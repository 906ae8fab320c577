package affinity

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/writer"

	"pgregory.net/rapid"
)

func peersNamed(n int) (list []writer.Peer) {
	for i := range n {
		list = append(list, writer.Peer{ID: fmt.Sprintf("AaIoKrHdcg%dRXCXlDKHA", i), Address: fmt.Sprintf("10.0.0.%d:1", i)})
	}
	return list
}

// ownerOf returns the account's owner as the writer at place self among all sees it.
func ownerOf(all []writer.Peer, self int, a event.Account) string {
	others := slices.Delete(slices.Clone(all), self, self+1)
	rand.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	r := New(Config{Fleet: func() (string, []writer.Peer) { return all[self].ID, others }})
	to, elsewhere := r.owner(all[self].ID, others, a)
	if !elsewhere {
		return all[self].ID
	}
	return to.ID
}

// Every writer chooses the same owner, in any order of the others, and when a writer goes only its
// own accounts move.
func TestOwnerIsTheSameEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := peersNamed(rapid.IntRange(2, 9).Draw(t, "writers"))
		a := event.Account{Tenant: "main", ID: rapid.StringMatching(`[A-Za-z0-9-]{1,20}`).Draw(t, "account")}
		owner := ownerOf(all, 0, a)
		for self := range all {
			if got := ownerOf(all, self, a); got != owner {
				t.Fatalf("%s is %s's, and %s's for writer %d", a, owner, got, self)
			}
		}
		goes := rapid.IntRange(0, len(all)-1).Draw(t, "goes")
		left := slices.Delete(slices.Clone(all), goes, goes+1)
		if all[goes].ID != owner && ownerOf(left, 0, a) != owner {
			t.Fatalf("%s moved when another writer went", a)
		}
	})
}

func TestAccountsSpreadOverWriters(t *testing.T) {
	const accounts = 20_000
	all := peersNamed(5)
	owned := map[string]int{}
	for i := range accounts {
		owned[ownerOf(all, i%5, event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)})]++
	}
	for id, n := range owned {
		if n < accounts/5*9/10 || n > accounts/5*11/10 {
			t.Errorf("%s owns %d of %d", id, n, accounts)
		}
	}
}

// far returns a router of a writer that takes no commands itself, so that every account is
// elsewhere.
func far(n int) (*Router, []writer.Peer) {
	others := peersNamed(n)
	return New(Config{Fleet: func() (string, []writer.Peer) { return "", others }}), others
}

var some = event.Account{Tenant: "main", ID: "A-1"}

// A hop leaves half of a command's time for deciding it here, and takes no more than hopMost.
func TestHopTakesABoundedPartOfTheTime(t *testing.T) {
	for _, tt := range []struct{ deadline, most time.Duration }{
		{10 * time.Second, hopMost}, {time.Second, time.Second / 2}, {80 * time.Millisecond, 0}, {0, hopMost},
	} {
		t.Run(fmt.Sprint(tt.deadline), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, _ := far(1)
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				began, want := time.Now(), api.Lost
				if tt.most == 0 {
					want = api.Undone
				}
				outcome := r.Reach(ctx, some, func(ctx context.Context, _ writer.Peer) error { <-ctx.Done(); return ctx.Err() })
				if took := time.Since(began); took != tt.most || outcome != want {
					t.Errorf("%v after %v, want %v after %v", outcome, took, want, tt.most)
				}
			})
		})
	}
}

// A writer that failed is skipped for a while, and its accounts go to the next one. Then one
// command at a time tries it, and one answer is enough.
func TestFailedWriterIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := far(2)
		var asked []string
		dead := ""
		reach := func() api.Outcome {
			return r.Reach(t.Context(), some, func(ctx context.Context, to writer.Peer) error {
				asked = append(asked, to.ID)
				if to.ID == dead {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			})
		}
		if reach() != api.Answered {
			t.Fatal("not answered")
		}
		owner := asked[0]
		dead = owner
		if outcome := reach(); outcome != api.Lost {
			t.Fatalf("%v", outcome)
		}
		began := time.Now()
		for range 100 {
			if reach() != api.Answered || asked[len(asked)-1] == owner {
				t.Fatal("the dead one was asked")
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a hundred commands took %v", took)
		}
		for tries := 0; tries < 4; { // ever rarer
			time.Sleep(100 * time.Millisecond)
			if before := len(asked); reach() == api.Lost && asked[before] == owner {
				tries++
			}
		}
		if took := time.Since(began); took < 8*time.Second || took > 40*time.Second {
			t.Errorf("tried four times within %v", took)
		}
		dead = ""
		time.Sleep(2 * passMost)
		for range 2 {
			if reach() != api.Answered || asked[len(asked)-1] != owner {
				t.Error("it answers, and is not asked")
			}
		}
	})
}

// A writer that failed is tried by one command; the others do not wait for it.
func TestOneCommandTriesAFailedWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := far(1)
		fail := func(context.Context, writer.Peer) error { return fmt.Errorf("%w: refused", ErrUndone) }
		if r.Reach(t.Context(), some, fail) != api.Undone {
			t.Fatal("an answer of nobody")
		}
		time.Sleep(passFirst)
		tries := 0
		for range 50 {
			go r.Reach(t.Context(), some, func(ctx context.Context, _ writer.Peer) error { tries++; <-ctx.Done(); return ctx.Err() })
		}
		synctest.Wait()
		if tries != 1 {
			t.Errorf("%d commands tried it", tries)
		}
		time.Sleep(hopMost)
	})
}

// One command that is late, while the writer answers others, is not the writer's failure.
func TestSlowAccountIsNoFailedWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := far(1)
		go r.Reach(t.Context(), some, func(ctx context.Context, _ writer.Peer) error { <-ctx.Done(); return ctx.Err() })
		time.Sleep(time.Second)
		quick := func(context.Context, writer.Peer) error { return nil }
		r.Reach(t.Context(), some, quick)
		time.Sleep(2 * time.Second)
		if r.Reach(t.Context(), some, quick) != api.Answered {
			t.Error("it is skipped")
		}
		if r.Reach(t.Context(), some, func(context.Context, writer.Peer) error { return errors.New("reset") }) != api.Lost || r.Reach(t.Context(), some, quick) != api.Undone {
			t.Error("it is not skipped after its own failure")
		}
	})
}

// A refusal that may be one account's alone is not the writer's failure while it answers others,
// and is where it answers nothing.
func TestRefusedAccountIsNoFailedWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := far(1)
		quick := func(context.Context, writer.Peer) error { return nil }
		refused := func(context.Context, writer.Peer) error { return fmt.Errorf("%w: %w", ErrUndone, errAccount) }
		r.Reach(t.Context(), some, quick)
		for range 3 {
			if r.Reach(t.Context(), some, refused) != api.Undone || r.Reach(t.Context(), some, quick) != api.Answered {
				t.Fatal("it is skipped for one account")
			}
		}
		time.Sleep(passFirst)
		if r.Reach(t.Context(), some, refused); r.Reach(t.Context(), some, quick) != api.Undone {
			t.Error("it answers nothing, and is not skipped")
		}
	})
}
