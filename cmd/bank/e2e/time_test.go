package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// state is what a read of the past agrees on.
type state struct {
	AccountID string `json:"account_id"`
	Posted    int64  `json:"posted"`
	Held      int64  `json:"held"`
	Limit     int64  `json:"limit"`
	Available int64  `json:"available"`
	Version   int64  `json:"version"`
}

// then asks the bank for an account's state at a moment of the past; ok is false where there was
// none.
func (b *bank) then(t *testing.T, id, query string) (s state, ok bool) {
	t.Helper()
	a := b.get(t, "/v1/accounts/"+id+"/balance?"+query)
	if a.code() == "account-not-found" || a.code() == "version-not-found" {
		return s, false
	}
	if err := json.Unmarshal([]byte(a.must(t, 200).text), &s); err != nil {
		t.Fatal(err)
	}
	return s, true
}

// archived asks the archive for the states of all accounts.
func (b *bank) archived(t *testing.T, flags ...string) map[string]state {
	t.Helper()
	got := must(t, "replay", append([]string{"at", "--data", b.data, "-o", "ndjson"}, flags...)...)
	states := map[string]state{}
	lines := bufio.NewScanner(strings.NewReader(got.Out))
	for lines.Scan() {
		var s state
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%v in %q", err, lines.Text())
		}
		states[s.AccountID] = s
	}
	return states
}

// TestThePastIsOne checks that the balance at a time and at a version is the same from the journal
// and from the archive.
func TestThePastIsOne(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir())
	must(t, "bank", "demo", "--url", b.Base, "--accounts", "4", "--speed", "0")
	b.checkAudit(t)
	ids := b.accounts(t)
	first, last := time.Now(), time.Time{}
	for _, id := range ids {
		for _, e := range b.history(t, id) {
			if e.RecordedAt.Before(first) {
				first = e.RecordedAt
			}
			if e.RecordedAt.After(last) {
				last = e.RecordedAt
			}
		}
	}
	rng := rand.New(rand.NewPCG(4, 2))
	var moments [][2]string
	for range 12 {
		at := first.Add(time.Duration(rng.Int64N(int64(last.Sub(first))))).Truncate(time.Microsecond).Format(time.RFC3339Nano)
		moments = append(moments, [2]string{"--time=" + at, "at=" + url.QueryEscape(at)})
	}
	for _, version := range []int{1, 2, 3, 5, 8, 13} {
		moments = append(moments, [2]string{fmt.Sprintf("--version=%d", version), fmt.Sprintf("version=%d", version)})
	}
	compared := 0
	for _, m := range moments {
		archived := b.archived(t, m[0])
		for _, id := range ids {
			live, ok := b.then(t, id, m[1])
			old, found := archived[id]
			if ok != found || live != old {
				t.Errorf("%s at %s: the journal has %+v, the archive %+v", id, m[0], live, old)
			}
			if ok {
				compared++
			}
		}
	}
	if compared < len(ids)*6 {
		t.Errorf("only %d states compared", compared)
	}
}

// TestRebuildBesideTraffic rebuilds, promotes and discards both read models while commands
// arrive, and checks that no reader ever sees a version decrease.
func TestRebuildBesideTraffic(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir())
	for i := range killAccounts {
		b.open(t, account(i), 1_000_000)
	}
	b.checkAudit(t)
	var ended atomic.Bool
	var busy sync.WaitGroup
	for c := range 4 {
		busy.Go(func() { b.trade(t, fmt.Sprintf("c%d", c), uint64(c), &ended) })
	}
	for _, path := range []string{"balance", "credit-limit"} {
		for i := range killAccounts {
			busy.Go(func() { b.watch(t, "/v1/accounts/"+account(i)+"/"+path, &ended) })
		}
	}
	for _, model := range []string{"balance", "creditlimit"} {
		must(t, "replay", "rebuild", "--data", b.data, "--model", model)
		programtest.Eventually(t, "promote "+model, func() error {
			got := command(t, "replay", "promote", "--data", b.data, "--model", model)
			if got.Code != 0 {
				return fmt.Errorf("exit code %d\n%s%s", got.Code, got.Out, got.ErrOut)
			}
			return nil
		})
		programtest.Eventually(t, "discard "+model, func() error {
			got := command(t, "replay", "discard", "--data", b.data, "--model", model, "--yes")
			if got.Code != 0 {
				return fmt.Errorf("exit code %d\n%s%s", got.Code, got.Out, got.ErrOut)
			}
			return nil
		})
	}
	ended.Store(true)
	busy.Wait()
	b.checkAudit(t)
}

// trade sends commands until it is told to end.
func (b *bank) trade(t *testing.T, run string, seed uint64, ended *atomic.Bool) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for i := 0; !ended.Load(); i++ {
		path := []string{"/credits", "/withdrawals"}[rng.IntN(2)]
		a, err := b.try("POST", "/v1/accounts/"+account(rng.IntN(killAccounts))+path, fmt.Sprintf("%s-%d", run, i), money(1+rng.Int64N(99)))
		if err != nil || a.status != 201 {
			t.Errorf("a command beside the rebuild: %v, %s", err, a.text)
			return
		}
	}
}

// watch reads a row until it is told to end, and complains when its version goes back.
func (b *bank) watch(t *testing.T, path string, ended *atomic.Bool) {
	last := int64(2)
	for !ended.Load() {
		a, err := b.try("GET", path, "", "")
		if err != nil || a.status != 200 {
			t.Errorf("%s beside the rebuild: %v, %s", path, err, a.text)
			return
		}
		if a.body.Version < last {
			t.Errorf("%s went back from version %d to %d", path, last, a.body.Version)
			return
		}
		last = a.body.Version
	}
}
