package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// A hold and a limit expire when the clock of a bank for development is moved, also after a
// restart; a bank without such a clock refuses its directory.
func TestHoldsAndLimitsExpireOnDemand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/dev"
	start := func() *programtest.Server {
		return programtest.Start(t, nil, "bank", "dev", "--clock", "--data", dir, "--listen", "127.0.0.1:0")
	}
	b := start()
	flags := []string{"--server", b.Base}
	run := func(args ...string) string { t.Helper(); return must(t, "bank", append(args, flags...)...).Out }
	run("account", "open", "A-1", "--currency", "EUR")
	run("credit", "A-1", "100.00", "EUR")
	soon := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPost, "/v1/accounts/A-1/holds", `{"amount":4000,"currency":"EUR","expires_at":"` + soon + `"}`},
		{http.MethodPut, "/v1/accounts/A-1/credit-limit", `{"limit":5000,"expires_at":"` + soon + `"}`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, b.Base+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", c.path)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.StatusCode >= 300 {
			t.Fatalf("%s: %d", c.path, answer.StatusCode)
		}
	}
	run("dev", "advance", "49h")
	programtest.Eventually(t, "the hold and the limit expire", func() error {
		var s state
		if err := json.Unmarshal([]byte(run("balance", "A-1", "-o", "json")), &s); err != nil {
			return err
		}
		if s.Held != 0 || s.Limit != 0 || s.Version != 6 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	b.Kill()
	if got := command(t, "bank", "serve", "--data", dir, "--listen", "127.0.0.1:0"); got.Code != 5 || !strings.Contains(got.ErrOut, "bank dev --clock") {
		t.Errorf("a bank whose clock is the machine's: %d %s", got.Code, got.ErrOut)
	}
	b = start()
	flags = []string{"--server", b.Base}
	if now := run("dev", "now"); !strings.Contains(now, "49h0m0s") {
		t.Errorf("after a kill: %s", now)
	}
	run("credit", "A-1", "1.00", "EUR") // its clock is not behind its entries
}
