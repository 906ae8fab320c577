package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestRepeatedCommand sends one command three times at once, again after a restart, and again after
// 2,000 other commands on the account and another restart: it is one event, and every answer is the
// first one.
func TestRepeatedCommand(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := serve(t, data)
	b.open(t, "A-1", 100_000)
	const path, key = "/v1/accounts/A-1/withdrawals", "the-same"
	first := make([]answer, 3)
	errs := make([]error, len(first))
	var wg sync.WaitGroup
	for i := range first {
		wg.Go(func() { first[i], errs[i] = b.try("POST", path, key, money(10)) })
	}
	wg.Wait()
	fresh := 0
	for i, a := range first {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if a.must(t, 201).text != first[0].text {
			t.Errorf("answers differ:\n%s\n%s", first[0].text, a.text)
		}
		if !a.replayed() {
			fresh++
		}
	}
	if fresh != 1 {
		t.Errorf("%d answers are not marked as replayed", fresh)
	}
	again := func(when string) {
		t.Helper()
		if a := b.post(t, path, key, money(10)); a.status != 201 || !a.replayed() || a.text != first[0].text {
			t.Errorf("%s: %d, replayed %t\n%s\nfirst\n%s", when, a.status, a.replayed(), a.text, first[0].text)
		}
		if a := b.post(t, path, key, money(11)); a.code() != "idempotency-key-reused" {
			t.Errorf("%s: another body under the key: %d %s", when, a.status, a.text)
		}
	}
	b.Terminate()
	b = serve(t, data)
	again("after a restart")

	b.bulk(t, 2000)
	b.Terminate()
	b = serve(t, data)
	again("after 2,000 commands and a restart")
	withdrawals := 0
	for _, e := range b.history(t, "A-1") {
		if e.Type == "MoneyWithdrawn" {
			withdrawals++
		}
	}
	if withdrawals != 1 {
		t.Errorf("%d withdrawals in the history", withdrawals)
	}
}

// bulk sends n credits to the account in one request.
func (b *bank) bulk(t *testing.T, n int) {
	t.Helper()
	var payload strings.Builder
	for i := range n {
		fmt.Fprintf(&payload, `{"op":"credit","account_id":"A-1","idempotency_key":"other-%d","amount":1,"currency":"EUR"}`+"\n", i)
	}
	results := b.stream(t, "/v1/bulk", payload.String())
	if len(results) != n {
		t.Fatalf("%d results for %d lines", len(results), n)
	}
	for i, line := range results {
		if !strings.Contains(line, `"status":201`) {
			t.Fatalf("line %d: %s", i+1, line)
		}
	}
}
