package browser

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"passbook/cmd/internal/browsertest"
	"passbook/cmd/internal/programtest"
)

// What the bank of the benchmark has, how often each page is asked for, and the account with the
// long history.
const (
	manyAccounts = 10_000
	manyEvents   = 100_000
	asked        = 10
	longAccount  = "A-LONG"
)

// BenchmarkPages prints for each page the server's time and the time to the first paint, each the
// median of ten and the slowest, in a bank with 10,000 accounts, one of them with 100,000 events.
// The targets are 200 ms on the server and 300 ms to the first paint.
func BenchmarkPages(b *testing.B) {
	bank := serve(b, b.TempDir())
	play(b, bank)
	fill(b, bank)
	tab := browsertest.Open(b, bank.Base, browsertest.Views[0])
	for b.Loop() {
		for _, page := range pagesOf(longAccount) {
			var server, paint []time.Duration
			for range asked {
				began := time.Now()
				bank.send(b, http.MethodGet, page.path, "", "", nil)
				server = append(server, time.Since(began))
				tab.Visit(page.path)
				paint = append(paint, tab.FirstPaint())
			}
			slices.Sort(server)
			slices.Sort(paint)
			fmt.Printf("%-28s server %6.1f ms, slowest %6.1f; first paint %6.1f ms, slowest %6.1f\n", page.name, //
				ms(server[asked/2]), ms(server[asked-1]), ms(paint[asked/2]), ms(paint[asked-1]))
		}
	}
}

// ms returns a duration in milliseconds.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// fill opens many accounts and gives one of them many events, and waits until they can be read.
func fill(t testing.TB, b *bank) {
	t.Helper()
	var lines bytes.Buffer
	for n := range manyAccounts {
		fmt.Fprintf(&lines, `{"op":"open","idempotency_key":"o-%d","account_id":"A-%05d","currency":"EUR","holder_ref":"H-%d","credit_limit":100000}`+"\n", n, n, n/2)
	}
	fmt.Fprintf(&lines, `{"op":"open","idempotency_key":"o-long","account_id":%q,"currency":"EUR","holder_ref":"H-LONG","credit_limit":100000}`+"\n", longAccount)
	for n := range manyEvents - 1 {
		op, amount := "withdraw", 1+n%977
		if n%3 == 0 {
			op, amount = "credit", 1000+n%1013
		}
		fmt.Fprintf(&lines, `{"op":%q,"idempotency_key":"l-%d","account_id":%q,"amount":%d,"currency":"EUR"}`+"\n", op, n, longAccount, amount)
	}
	began := time.Now()
	b.bulk(t, &lines)
	fmt.Printf("%d accounts and %d events in %.1f s\n", manyAccounts, manyEvents, time.Since(began).Seconds())
	programtest.Eventually(t, "the last event can be read", func() error {
		var balance struct{ Version int }
		b.get(t, "/v1/accounts/"+longAccount+"/balance", &balance)
		if balance.Version < manyEvents {
			return fmt.Errorf("version %d of %d", balance.Version, manyEvents)
		}
		return nil
	})
	fmt.Printf("read models after %.1f s\n", time.Since(began).Seconds())
}
