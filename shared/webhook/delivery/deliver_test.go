package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/table"
	"passbook/shared/webhook"
)

const (
	here  = "here.example"
	there = "there.example"
)

func TestEventsAreSentInVersionOrderAndSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		e := b.add(webhook.Endpoint{URL: "https://" + here}, false)
		time.Sleep(2 * time.Second)
		b.mustShow(b.commit("A-1", 2), b.commit("A-2", 1), b.commit("A-1", 3))
		synctest.Wait()
		all := b.receiver.to(here)
		if got := versions(all, "A-1"); !slices.Equal(got, []int64{1, 2, 3, 4, 5}) {
			t.Errorf("A-1: %v", got)
		}
		if got := versions(all, "A-2"); !slices.Equal(got, []int64{1}) {
			t.Errorf("A-2: %v", got)
		}
		for _, p := range all {
			if p.id != fmt.Sprintf("%s:%d", p.account, p.version) || p.header.Get(HeaderEventID) != p.id || p.attempt != "1" || p.header.Get(HeaderEndpoint) != e.ID {
				t.Errorf("%+v", p)
			}
			if got := p.header.Get(webhook.HeaderSignature); got != webhook.Sign(p.at, []byte(p.body), []string{e.Secrets[0].Text}) {
				t.Errorf("signed %s", got)
			}
		}
		if row := b.row(e, "A-1"); row.State != Delivered || row.Next != 6 {
			t.Errorf("%+v", row)
		}
		b.mustShow(b.journal.of(event.Account{Tenant: "main", ID: "A-1"})...) // the stream shows it again
		synctest.Wait()
		if n := len(b.receiver.to(here)); n != len(all) {
			t.Errorf("%d attempts, then %d", len(all), n)
		}
	})
}

func TestWhatIsRefusedIsRepeatedAndLaterEventsOfItsAccountWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		e := b.add(webhook.Endpoint{URL: "https://" + here}, false)
		refusals := 0
		b.receiver.answer = func(_ context.Context, p posted) int {
			if p.id == "A-1:2" && refusals < 3 {
				refusals++
				return 500
			}
			return 204
		}
		time.Sleep(2 * time.Second)
		b.mustShow(b.commit("A-1", 3), b.commit("A-2", 2))
		synctest.Wait()
		if got := versions(b.receiver.to(here), "A-2"); !slices.Equal(got, []int64{1, 2}) {
			t.Errorf("another account waited: %v", got)
		}
		if row := b.row(e, "A-1"); row.State != Pending || row.Next != 2 || row.Attempts != 1 || row.Status != 500 || row.Error == "" {
			t.Errorf("%+v", row)
		}
		time.Sleep(time.Minute)
		all := b.receiver.to(here)
		if got := versions(all, "A-1"); !slices.Equal(got, []int64{1, 2, 2, 2, 2, 3}) {
			t.Errorf("A-1: %v", got)
		}
		var bodies, attempts []string
		for _, p := range all {
			if p.id == "A-1:2" {
				bodies, attempts = append(bodies, p.body), append(attempts, p.attempt)
			}
		}
		if len(slices.Compact(bodies)) != 1 || !slices.Equal(attempts, []string{"1", "2", "3", "4"}) {
			t.Errorf("bodies %v, attempts %v", bodies, attempts)
		}
	})
}

func TestAnAccountIsDeadAfterItsTimeAndIsReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newImpatientBank(t)
		e := b.add(webhook.Endpoint{URL: "https://" + here}, false)
		down := true
		b.receiver.answer = func(context.Context, posted) int {
			if down {
				return 0
			}
			return 200
		}
		time.Sleep(2 * time.Minute)
		b.mustShow(b.commit("A-1", 1))
		time.Sleep(patience - time.Hour)
		if row := b.row(e, "A-1"); row.State != Pending {
			t.Errorf("before its time: %+v", row)
		}
		time.Sleep(3 * time.Hour)
		if row := b.row(e, "A-1"); row.State != Dead || row.Next != 1 {
			t.Fatalf("%+v", row)
		}
		tried := len(b.receiver.to(here))
		if tried < 20 || tried > 60 {
			t.Errorf("%d attempts in %v", tried, patience)
		}
		down = false
		b.mustShow(b.commit("A-1", 1))
		time.Sleep(6 * time.Hour)
		if row := b.row(e, "A-1"); row.State != Dead || row.Seen != 2 || len(b.receiver.to(here)) != tried {
			t.Errorf("a later event of a dead account: %+v, %d attempts", row, len(b.receiver.to(here))-tried)
		}
		a := event.Account{Tenant: "main", ID: "A-1"}
		if _, err := b.d.store.Replay(t.Context(), e.ID, a, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if got := versions(b.receiver.to(here)[tried:], "A-1"); !slices.Equal(got, []int64{1, 2}) {
			t.Errorf("after the replay: %v", got)
		}
		if _, err := b.d.store.Replay(t.Context(), e.ID, a, 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if got := versions(b.receiver.to(here)[tried:], "A-1"); !slices.Equal(got, []int64{1, 2, 2}) {
			t.Errorf("after a replay from version 2: %v", got)
		}
		if _, err := b.d.store.Replay(t.Context(), e.ID, a, 3); err == nil {
			t.Error("a version that is not there is replayed")
		}
	})
}

// A replay that comes while an entry of several events is sent is not written over.
func TestAReplayDuringAnEntryIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		e := b.add(webhook.Endpoint{URL: "https://" + here}, false)
		b.receiver.answer = func(context.Context, posted) int {
			time.Sleep(2 * time.Second) // longer than between two writes of the row
			return 200
		}
		time.Sleep(2 * time.Second)
		b.mustShow(b.commit("A-1", 6))
		time.Sleep(5 * time.Second)
		if _, err := b.d.store.Replay(t.Context(), e.ID, event.Account{Tenant: "main", ID: "A-1"}, 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		got := versions(b.receiver.to(here), "A-1")
		if len(got) < 8 || !slices.Equal(got[len(got)-6:], []int64{1, 2, 3, 4, 5, 6}) {
			t.Errorf("%v", got)
		}
	})
}

// Another URL counts from the next event on, and the time of a pause is no time of attempts.
func TestAChangeOfAnEndpointCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		e := b.add(webhook.Endpoint{URL: "https://" + here}, false)
		b.receiver.answer = func(_ context.Context, p posted) int {
			time.Sleep(2 * time.Second)
			if p.version == 6 {
				return 500
			}
			return 200
		}
		time.Sleep(2 * time.Second)
		b.mustShow(b.commit("A-1", 6))
		time.Sleep(3 * time.Second)
		change := func(do func(*webhook.Endpoint)) {
			if _, err := b.registry.Update(t.Context(), "main", e.ID, do); err != nil {
				t.Fatal(err)
			}
		}
		change(func(e *webhook.Endpoint) { e.URL = "https://" + there })
		time.Sleep(time.Minute)
		if got := versions(b.receiver.to(there), "A-1"); len(got) < 3 || got[0] > 4 {
			t.Errorf("the other URL got %v", got)
		}
		change(func(e *webhook.Endpoint) { e.State = webhook.Paused })
		b.stop()
		b.refresh, b.window = time.Minute, patience
		b.start()
		time.Sleep(patience + 6*time.Hour)
		change(func(e *webhook.Endpoint) { e.State = webhook.Active })
		time.Sleep(time.Hour)
		if row := b.row(e, "A-1"); row.State != Pending || row.Next != 6 {
			t.Errorf("after a pause that is longer than its time: %+v", row)
		}
	})
}

func TestASlowEndpointDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		for i := range 20 { // more than the shared places
			b.add(webhook.Endpoint{URL: fmt.Sprintf("https://slow-%d.example", i)}, false)
		}
		b.add(webhook.Endpoint{URL: "https://" + here}, false)
		b.receiver.answer = func(ctx context.Context, p posted) int {
			if p.host != here {
				<-ctx.Done()
				return 0
			}
			return 200
		}
		time.Sleep(2 * time.Second)
		for i := range 50 {
			b.mustShow(b.commit(fmt.Sprint("A-", i), 1))
		}
		time.Sleep(time.Second)
		if n := len(b.receiver.to(here)); n != 50 {
			t.Errorf("%d of 50 events within a second", n)
		}
	})
}

func TestAFailingEndpointGetsOneAttemptAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.add(webhook.Endpoint{URL: "https://" + here}, false)
		b.receiver.answer = func(ctx context.Context, _ posted) int {
			<-ctx.Done()
			return 0
		}
		time.Sleep(2 * time.Second)
		for i := range 100 {
			b.mustShow(b.commit(fmt.Sprint("A-", i), 1))
		}
		time.Sleep(time.Minute)
		if most := b.receiver.most(here); most != inFlightMost {
			t.Errorf("%d attempts at once", most)
		}
		before := len(b.receiver.to(here))
		time.Sleep(time.Hour)
		if n, most := len(b.receiver.to(here))-before, b.receiver.most(here); most != 1 || n > 120 {
			t.Errorf("%d at once, %d attempts in an hour", most, n)
		}
		b.receiver.answers(func(context.Context, posted) int { return 200 })
		time.Sleep(2 * time.Hour)
		delivered := map[string]bool{}
		for _, p := range b.receiver.to(here)[before:] {
			delivered[p.account] = true
		}
		if len(delivered) != 100 {
			t.Errorf("%d of 100 accounts after it was back", len(delivered))
		}
	})
}

func TestOnlyWhatIsWantedIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		before := b.commit("A-1", 2)
		time.Sleep(time.Minute)
		b.add(webhook.Endpoint{URL: "https://" + here}, false)
		b.add(webhook.Endpoint{URL: "https://" + there, Types: []string{"AccountOpened"}, Accounts: []string{"A-2"}}, false)
		b.add(webhook.Endpoint{URL: "https://all.example"}, true)
		time.Sleep(2 * time.Second)
		second, third := b.commit("A-1", 1), b.commit("A-1", 1)
		b.mustShow(before)
		b.mustShow(third, b.commit("A-2", 2)) // the older entry comes later on the stream
		b.mustShow(second, b.commit("A-3", 1))
		time.Sleep(2 * time.Second)
		if got := versions(b.receiver.to(here), "A-1"); !slices.Equal(got, []int64{3, 4}) {
			t.Errorf("A-1 after the endpoint was made: %v", got)
		}
		if all := b.receiver.to(there); len(all) != 1 || all[0].id != "A-2:1" {
			t.Errorf("one type of one account: %+v", all)
		}
		if got := versions(b.receiver.to("all.example"), "A-1"); !slices.Equal(got, []int64{1, 2, 3, 4}) {
			t.Errorf("from the beginning: %v", got)
		}
	})
}

// slowKeys takes a minute to wrap a secret.
type slowKeys struct{ plainKeys }

func (slowKeys) Wrap(_ context.Context, _ string, plain []byte) ([]byte, error) {
	time.Sleep(time.Minute)
	return plain, nil
}

// The clock of the process that makes an endpoint may be ahead of a writer's, and its time begins
// once nothing slow is left to do.
func TestWhatAWriterWithASlowClockRecordsIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		b.registry = webhook.NewRegistry(webhook.Config{Table: b.table, Keys: slowKeys{}, Bank: "bank", Log: slog.New(slog.DiscardHandler)})
		e := b.add(webhook.Endpoint{URL: "https://" + here}, false)
		if since := time.Since(e.Since); since != journal.MaxSkew {
			t.Errorf("it begins %v ago", since)
		}
		time.Sleep(2 * time.Second) // until it is seen
		within, older := b.commit("A-1", 1), b.commit("A-2", 1)
		within.RecordedAt, older.RecordedAt = e.Since, e.Since.Add(-time.Microsecond)
		b.mustShow(within, older)
		synctest.Wait()
		if all := b.receiver.to(here); len(all) != 1 || all[0].id != "A-1:1" {
			t.Errorf("%d were sent: %+v", len(all), all)
		}
	})
}

func TestAnEndpointThatIsGoneIsPausedAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		e := b.add(webhook.Endpoint{URL: "https://" + here}, false)
		b.receiver.answer = func(context.Context, posted) int { return http.StatusGone }
		time.Sleep(2 * time.Second)
		b.mustShow(b.commit("A-1", 1))
		time.Sleep(time.Hour)
		if n := len(b.receiver.to(here)); n != 1 {
			t.Errorf("%d attempts", n)
		}
		b.receiver.answers(func(context.Context, posted) int { return 200 })
		b.mustShow(b.commit("A-1", 1))
		if _, err := b.registry.Update(t.Context(), "main", e.ID, func(e *webhook.Endpoint) { e.State = webhook.Active }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := versions(b.receiver.to(here), "A-1"); !slices.Equal(got, []int64{1, 1, 2}) {
			t.Errorf("%v", got)
		}
	})
}

func TestRowsOfARemovedEndpointAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		e := b.add(webhook.Endpoint{URL: "https://" + here}, false)
		time.Sleep(2 * time.Second)
		b.mustShow(b.commit("A-1", 1), b.commit("A-2", 1))
		synctest.Wait()
		if _, err := b.registry.Remove(t.Context(), "main", e.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		set, err := b.registry.Current(t.Context())
		if err != nil || len(set.All())+len(set.Removed()) != 0 || b.row(e, "A-1").Rev != 0 || b.row(e, "A-2").Rev != 0 {
			t.Errorf("%v, %v, %+v", set, err, b.row(e, "A-1"))
		}
	})
}

// step is something that happens in a plan.
type step struct {
	kind, n int
	account string
	lost    bool // of a fault: the write was made
}

// With a table that fails and loses answers, a receiver that refuses and whose answers are lost,
// and processes that end at any moment, each account's events are first taken in version order, and
// none is missing.
func TestNothingIsLostAndOrderIsKept(t *testing.T) {
	steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
		return step{
			kind: rapid.IntRange(0, 5).Draw(rt, "kind"), n: rapid.IntRange(1, 3).Draw(rt, "n"),
			account: rapid.SampledFrom([]string{"A-1", "A-2", "A-3"}).Draw(rt, "account"), lost: rapid.Bool().Draw(rt, "lost"),
		}
	}), 1, 15)
	rapid.Check(t, func(rt *rapid.T) {
		plan := steps.Draw(rt, "plan")
		var wrong string
		synctest.Test(t, func(t *testing.T) { wrong = play(t, plan) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}

// play plays a plan and returns what went wrong.
func play(t *testing.T, plan []step) (wrong string) {
	b := newBank(t)
	b.add(webhook.Endpoint{URL: "https://" + here}, false)
	var mu sync.Mutex
	taken := map[string]int64{}
	calls, healthy := 0, false
	b.receiver.answer = func(_ context.Context, p posted) int {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if !healthy && calls%5 == 0 {
			return 500
		}
		if p.version > taken[p.account]+1 {
			wrong = fmt.Sprintf("%s v%d follows v%d", p.account, p.version, taken[p.account])
		}
		taken[p.account] = max(taken[p.account], p.version)
		if !healthy && calls%7 == 0 {
			return 0 // it took the event, and its answer is lost
		}
		return 200
	}
	time.Sleep(2 * time.Second)
	want := map[string]int64{}
	for _, s := range plan {
		switch s.kind {
		case 0:
			b.stop()
			b.start()
		case 1:
			time.Sleep(time.Duration(s.n) * 700 * time.Millisecond)
		case 2:
			rule := &faults.Rule{Match: faults.On(Table), Before: table.ErrThrottled}
			if s.lost {
				rule = &faults.Rule{Match: faults.On(Table), After: errors.New("the answer is lost")}
			}
			b.table.Arm(rule, s.n)
		default:
			e := b.commit(s.account, s.n)
			want[s.account] = e.Last
			for b.show(e) != nil { // the worker reads the batch again
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
	mu.Lock()
	healthy = true
	mu.Unlock()
	missing := func() (first string) {
		mu.Lock()
		defer mu.Unlock()
		for id, last := range want {
			if taken[id] != last {
				first = fmt.Sprintf("%s: v%d of %d was taken", id, taken[id], last)
			}
		}
		return first
	}
	for end := time.Now().Add(2 * time.Hour); missing() != "" && time.Now().Before(end); {
		time.Sleep(10 * time.Second)
	}
	time.Sleep(time.Minute) // for what is sent again
	left := missing()
	mu.Lock()
	defer mu.Unlock()
	return cmp.Or(wrong, left)
}

// The time before the process sent to an endpoint is none of the three days; that in which an
// account waits for others of a failing endpoint is.
func TestOnlyTheTimeWithoutASenderIsNoTimeOfAttempts(t *testing.T) {
	now := time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)
	d := New(Config{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	if d.window != 72*time.Hour || d.refresh != time.Second {
		t.Errorf("an event is tried for %v, with a look each %v", d.window, d.refresh)
	}
	for _, tt := range []struct{ began, due, failed, want time.Duration }{
		{-100 * time.Hour, -5 * time.Hour, -50 * time.Hour, -50 * time.Hour},
		{-time.Minute, -96 * time.Hour, -97 * time.Hour, -time.Hour - time.Minute},
	} {
		s := &sender{d: d, began: now.Add(tt.began)}
		turn := &turn{s: s, endpoint: &webhook.Endpoint{}, row: Row{State: Pending, At: now.Add(tt.due), FailedAt: now.Add(tt.failed), Attempts: 3}}
		turn.note(1, Outcome{Status: 500, Err: errors.New("it answered 500")})
		if got := turn.row.FailedAt.Sub(now); got != tt.want || turn.row.State != Pending {
			t.Errorf("%+v: failing since %v, %s", tt, got, turn.row.State)
		}
	}
}
