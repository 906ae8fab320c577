package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
)

// receiver is a webhook's receiver that is down, slow, or answers 500 now and then. It checks every
// signature, and keeps the first version of each account that it took beyond the one before.
type receiver struct {
	mu      sync.Mutex
	rng     *rand.Rand
	healthy bool
	secret  string
	taken   map[string]int64
	bodies  map[string]string
	repeats int
	faults  []string
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var e struct {
		ID      string `json:"event_id"`
		Account string `json:"account_id"`
		Version int64  `json:"version"`
	}
	if err != nil || json.Unmarshal(body, &e) != nil {
		return // the bank died while it sent
	}
	r.mu.Lock()
	mood := r.rng.IntN(20)
	if r.healthy {
		mood = 19
	}
	defer r.mu.Unlock()
	if !r.signed(request.Header.Get("Passbook-Signature"), body) {
		r.faults = append(r.faults, "not signed: "+string(body))
	}
	if mood == 0 { // slow
		r.mu.Unlock()
		<-time.After(300 * time.Millisecond)
		r.mu.Lock()
	}
	if mood < 4 && mood > 0 {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if e.Version > r.taken[e.Account]+1 {
		r.faults = append(r.faults, fmt.Sprintf("%s follows v%d", e.ID, r.taken[e.Account]))
	}
	if before, again := r.bodies[e.ID]; again {
		r.repeats++
		if before != string(body) || request.Header.Get("Passbook-Event-Id") != e.ID {
			r.faults = append(r.faults, fmt.Sprintf("repeated as %s, not %s", body, before))
		}
	}
	r.bodies[e.ID] = string(body)
	r.taken[e.Account] = max(r.taken[e.Account], e.Version)
	if mood == 4 { // it took the event, and its answer is lost
		panic(http.ErrAbortHandler)
	}
}

// signed reports whether a signature is that of a body.
func (r *receiver) signed(header string, body []byte) bool {
	at, rest, _ := strings.Cut(header, ",v1=")
	mac := hmac.New(sha256.New, []byte(r.secret))
	mac.Write([]byte(strings.TrimPrefix(at, "t=") + "." + string(body)))
	given, err := hex.DecodeString(rest)
	return err == nil && hmac.Equal(given, mac.Sum(nil))
}

// TestWebhookThroughKills kills the bank under load, with a receiver that fails in every way. Each
// account's events arrive in order, none is missing, and a repeat is the same event.
func TestWebhookThroughKills(t *testing.T) {
	data := t.TempDir()
	allow := []string{"--webhook-allow", "127.0.0.0/8"}
	b := serve(t, data, allow...)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := &receiver{rng: rand.New(rand.NewPCG(seed, 0)), taken: map[string]int64{}, bodies: map[string]string{}}
	server := httptest.NewServer(r)
	defer server.Close()
	var made struct {
		ID     string `json:"webhook_id"`
		Secret string `json:"secret"`
	}
	created := b.sendSample(t, sample{method: "POST", path: "/v1/webhooks", media: "application/json", body: `{"url":"` + server.URL + `/hook"}`}, "", "")
	if err := json.Unmarshal([]byte(created.must(t, http.StatusCreated).text), &made); err != nil {
		t.Fatal(err)
	}
	r.secret = made.Secret
	for i := range killAccounts {
		b.open(t, account(i), 1_000_000)
	}
	for kill := range kills(t) {
		var clients sync.WaitGroup
		for c := range 4 {
			clients.Go(func() { b.pester(fmt.Sprintf("w%d-c%d", kill, c), seed+uint64(c)) })
		}
		wait(t, time.Duration(100+kill*150)*time.Millisecond)
		b.Kill()
		clients.Wait()
		b = serve(t, data, allow...)
	}
	r.mu.Lock()
	r.healthy = true
	r.mu.Unlock()
	for i := range killAccounts {
		head := int64(len(b.history(t, account(i))))
		programtest.Eventually(t, "all events of "+account(i)+" arrive", func() error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.taken[account(i)] != head {
				return fmt.Errorf("v%d of %d", r.taken[account(i)], head)
			}
			return nil
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.faults) != 0 {
		t.Errorf("%d faults: %s", len(r.faults), strings.Join(r.faults[:min(len(r.faults), 5)], "\n"))
	}
	t.Logf("%d events, %d repeats", len(r.bodies), r.repeats)
	b.Terminate()
}
