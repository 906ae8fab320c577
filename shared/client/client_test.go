package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/client"
)

// script answers requests in turn, and keeps them.
type script struct {
	mu      sync.Mutex
	answers []func(w http.ResponseWriter)
	got     []*http.Request
}

// RoundTrip implements http.RoundTripper.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, r)
	if len(s.answers) == 0 {
		return nil, fmt.Errorf("a request more than the script has: %s %s", r.Method, r.URL)
	}
	next := s.answers[0]
	s.answers = s.answers[1:]
	if next == nil {
		return nil, errors.New("connection reset by peer")
	}
	w := httptest.NewRecorder()
	next(w)
	return w.Result(), nil
}

// refuse answers with a problem document, asking for a pause if seconds is not 0.
func refuse(status int, code string, retryable bool, seconds int) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if seconds > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(seconds))
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"type":"/problems/%s","title":"Refused","status":%d,"detail":"Because.","retryable":%t,"correlation_id":"c"}`, code, status, retryable)
	}
}

// accept answers a command.
func accept(account string, version int64) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"account_id":%q,"version":%d,"events":[],"balance":{"currency":"EUR","posted":1,"held":0,"limit":0,"available":1}}`, account, version)
	}
}

// say answers with a body.
func say(body string) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) { fmt.Fprint(w, body) }
}

// bankOf makes a client of a bank that follows a script.
func bankOf(t *testing.T, answers ...func(w http.ResponseWriter)) (*client.Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	bank, err := client.New(client.Options{URL: "http://bank.test/", Key: "pb_1_2", HTTP: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	return bank, s
}

var ten = client.Credit{Amount: 10, Currency: "EUR"}

func TestACommandKeepsOneKeyOverItsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bank, s := bankOf(t, nil, refuse(503, "overloaded", true, 2), refuse(504, "outcome-unknown", true, 0), refuse(429, "rate-limited", true, 1), accept("A-1", 2))
		began := time.Now()
		result, err := bank.Credit(t.Context(), "A-1", ten)
		if err != nil || result.Version != 2 || result.Key == "" || len(s.got) != 5 {
			t.Fatalf("%+v after %d requests: %v", result, len(s.got), err)
		}
		for i, r := range s.got {
			if key := r.Header.Get("Idempotency-Key"); key != result.Key {
				t.Errorf("request %d has the key %q, not %q", i, key, result.Key)
			}
			if r.Header.Get("Authorization") != "Bearer pb_1_2" || r.URL.Path != "/v1/accounts/A-1/credits" {
				t.Errorf("request %d: %s %v", i, r.URL, r.Header)
			}
		}
		if took := time.Since(began); took < 3*time.Second || took > 8*time.Second {
			t.Errorf("two pauses of Retry-After, and two more, took %v", took)
		}
	})
}

func TestTwoCommandsHaveTwoKeysUnlessTheyAreGiven(t *testing.T) {
	bank, s := bankOf(t, accept("A-1", 2), accept("A-1", 3), accept("A-1", 4))
	for range 2 {
		if _, err := bank.Credit(t.Context(), "A-1", ten); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bank.Credit(t.Context(), "A-1", ten, client.Key("mine"), client.RequestID("r-1"), client.Traceparent("00-x"), client.IfMatch(3)); err != nil {
		t.Fatal(err)
	}
	if a, b := s.got[0].Header.Get("Idempotency-Key"), s.got[1].Header.Get("Idempotency-Key"); a == b {
		t.Errorf("two commands have the key %q", a)
	}
	for name, want := range map[string]string{"Idempotency-Key": "mine", "X-Request-ID": "r-1", "Traceparent": "00-x", "If-Match": `"3"`} {
		if got := s.got[2].Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestARefusalThatRepetitionDoesNotChangeIsReturnedAtOnce(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"declined":             refuse(422, "insufficient-funds", false, 0),
		"a pause of minutes":   refuse(429, "rate-limited", true, 60),
		"what no bank answers": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
	} {
		t.Run(name, func(t *testing.T) {
			bank, s := bankOf(t, answer)
			_, err := bank.Credit(t.Context(), "A-1", ten, client.Key("k"))
			var refused *client.Problem
			var failed *client.CommandError
			if !errors.As(err, &refused) || !errors.As(err, &failed) || failed.Key != "k" || failed.Unknown || len(s.got) != 1 {
				t.Errorf("%d requests: %#v", len(s.got), err)
			}
		})
	}
}

func TestTheOutcomeIsUnknownUntilAnAnswerTells(t *testing.T) {
	unavailable := refuse(503, "overloaded", true, 0)
	unknown := refuse(504, "outcome-unknown", true, 0)
	for name, tt := range map[string]struct {
		answers []func(w http.ResponseWriter)
		unknown bool
	}{
		"refused before anything was stored": {[]func(http.ResponseWriter){unavailable, unavailable}, false},
		"unknown, then no room":              {[]func(http.ResponseWriter){unknown, unavailable}, true},
		"unknown, then not let in":           {[]func(http.ResponseWriter){unknown, refuse(401, "credentials-expired", false, 0)}, true},
		"unknown, then not found by a proxy": {[]func(http.ResponseWriter){unknown, func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }}, true},
		"answered with a page":               {[]func(http.ResponseWriter){say("<html>")}, true},
		"unknown, then declined":             {[]func(http.ResponseWriter){unknown, refuse(422, "insufficient-funds", false, 0)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: tt.answers}
			bank, err := client.New(client.Options{URL: "http://bank.test", HTTP: &http.Client{Transport: s}, Attempts: 2})
			if err != nil {
				t.Fatal(err)
			}
			var failed *client.CommandError
			if _, err := bank.Credit(t.Context(), "A-1", ten); !errors.As(err, &failed) || failed.Unknown != tt.unknown {
				t.Errorf("unknown should be %t: %#v", tt.unknown, err)
			}
		})
	}
}

func TestAConnectionThatBreaksLeavesTheOutcomeUnknown(t *testing.T) {
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	defer broken.Close()
	nobody := httptest.NewServer(nil)
	nobody.Close()
	for url, unknown := range map[string]bool{broken.URL: true, nobody.URL: false} {
		bank, err := client.New(client.Options{URL: url, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		var failed *client.CommandError
		var silent *client.Unreachable
		if _, err := bank.Credit(t.Context(), "A-1", ten); !errors.As(err, &failed) || !errors.As(err, &silent) || failed.Unknown != unknown {
			t.Errorf("unknown should be %t: %#v", unknown, err)
		}
	}
}

func TestAReadIsNeverOlderThanTheOwnCommand(t *testing.T) {
	bank, s := bankOf(t, say(`{}`), accept("A-1", 7), accept("A-1", 6), say(`{"version":7}`), say(`{}`), say(`{}`), say(`{}`))
	balance := func(options ...client.Option) {
		t.Helper()
		if _, err := bank.Balance(t.Context(), "A-1", options...); err != nil {
			t.Fatal(err)
		}
	}
	balance()
	for range 2 { // the answer to the later one may come first
		if _, err := bank.Credit(t.Context(), "A-1", ten); err != nil {
			t.Fatal(err)
		}
	}
	balance()
	balance(client.MinVersion(9), client.Wait(100*time.Millisecond))
	balance(client.AtVersion(3))
	balance(client.Wait(-1))
	for i, want := range map[int]string{0: "", 3: "min_version=7&wait=5000ms", 4: "min_version=9&wait=100ms", 5: "version=3", 6: ""} {
		if got := s.got[i].URL.RawQuery; got != want {
			t.Errorf("request %d asks for %q, want %q", i, got, want)
		}
	}
}

func TestADeclineIsReadToo(t *testing.T) {
	bank, s := bankOf(t, func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		say(`{"type":"/problems/insufficient-funds","title":"Insufficient funds","status":422,"account_id":"A-1","account_version":4}`)(w)
	}, say(`{}`))
	if _, err := bank.Withdraw(t.Context(), "A-1", client.Withdraw{Amount: 10, Currency: "EUR"}); !client.HasCode(err, client.CodeInsufficientFunds) {
		t.Fatal(err)
	}
	if _, err := bank.Balance(t.Context(), "A-1"); err != nil || s.got[1].URL.Query().Get("min_version") != "4" {
		t.Errorf("asked for %s, %v", s.got[1].URL.RawQuery, err)
	}
}

func TestADryRunIsNoCommand(t *testing.T) {
	bank, s := bankOf(t, say(`{"dry_run":true,"would_be_status":422,"key_used":false,"problem":{"type":"/problems/insufficient-funds","title":"Insufficient funds","status":422}}`))
	result, err := bank.Withdraw(t.Context(), "A-1", client.Withdraw{Amount: 10, Currency: "EUR"}, client.DryRun())
	if err != nil || result.Rehearsed == nil || result.Rehearsed.WouldBeStatus != 422 || bank.Seen("A-1") != 0 || s.got[0].URL.RawQuery != "dry_run=true" {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestAListIsReadPageByPage(t *testing.T) {
	first := say(`{"account_id":"A-1","events":[{"version":1},{"version":2}],"has_more":true,"next_cursor":"c2"}`)
	bank, s := bankOf(t, first, say(`{"account_id":"A-1","events":[{"version":3}],"has_more":false}`), first, refuse(404, "account-not-found", false, 0))
	var versions []int64
	for e, err := range bank.Events(t.Context(), "A-1", client.EventQuery{From: 1, Type: client.EventTypeMoneyCredited}) {
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, e.Version)
	}
	if fmt.Sprint(versions) != "[1 2 3]" || s.got[1].URL.Query().Get("cursor") != "c2" || s.got[1].URL.Query().Get("type") != "MoneyCredited" {
		t.Errorf("%v, the second page by %s", versions, s.got[1].URL)
	}
	var end error
	for _, err := range bank.Events(t.Context(), "A-1", client.EventQuery{}) {
		end = err
	}
	if !client.HasCode(end, client.CodeAccountNotFound) {
		t.Errorf("the list ends with %v", end)
	}
}

func TestASecondRangeBeginsAtTheFirstPage(t *testing.T) {
	first, last := say(`{"events":[{"version":1}],"has_more":true,"next_cursor":"c2"}`), say(`{"events":[{"version":2}],"has_more":false}`)
	bank, _ := bankOf(t, first, last, first, last)
	events := bank.Events(t.Context(), "A-1", client.EventQuery{})
	for range 2 {
		var versions []int64
		for e, err := range events {
			if err != nil {
				t.Fatal(err)
			}
			versions = append(versions, e.Version)
		}
		if fmt.Sprint(versions) != "[1 2]" {
			t.Errorf("%v", versions)
		}
	}
}

func TestTheNewestOfManyAnswersIsRemembered(t *testing.T) {
	const commands = 200
	var answers []func(w http.ResponseWriter)
	for i := range commands {
		answers = append(answers, accept("A-1", int64(i+1)))
	}
	bank, _ := bankOf(t, answers...)
	var callers sync.WaitGroup
	for range commands {
		callers.Go(func() {
			if _, err := bank.Credit(t.Context(), "A-1", ten); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if bank.Seen("A-1") != commands {
		t.Errorf("version %d is remembered", bank.Seen("A-1"))
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bank, s := bankOf(t, refuse(503, "overloaded", true, 5), accept("A-1", 2))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := bank.Credit(ctx, "A-1", ten); !client.HasCode(err, client.CodeOverloaded) || len(s.got) != 1 || time.Since(began) != 0 {
			t.Errorf("%v after %v and %d requests", err, time.Since(began), len(s.got))
		}
	})
}

func TestAnAddressOrKeyThatCannotBeIsRefused(t *testing.T) {
	for _, o := range []client.Options{{}, {URL: "bank:8080"}, {URL: "ftp://bank"}, {URL: "http://a:secret@bank"}, {URL: "ftp://a:secret@bank"}, {URL: "http://a:secret@bank:port"}, {URL: "http://bank?x"}, {URL: "http://bank", Key: "pb_1_2\n"}} {
		if _, err := client.New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestTheAnswerIsGivenAsItCame(t *testing.T) {
	bank, _ := bankOf(t, say(`{"posted":1,"of_a_later_release":2}`), refuse(404, "account-not-found", false, 0))
	var body []byte
	if _, err := bank.Balance(t.Context(), "A-1", client.Body(&body)); err != nil || string(body) != `{"posted":1,"of_a_later_release":2}` {
		t.Errorf("%s, %v", body, err)
	}
	if _, err := bank.Balance(t.Context(), "A-1", client.Body(&body)); err == nil || !json.Valid(body) || len(body) == 0 {
		t.Errorf("%s, %v", body, err)
	}
}

func TestATextMayBeSealed(t *testing.T) {
	for _, body := range []string{`"Ann"`, `{"enc":"AbC"}`, `""`} {
		var text client.Text
		if err := json.Unmarshal([]byte(body), &text); err != nil {
			t.Fatal(err)
		}
		if again, err := json.Marshal(text); err != nil || string(again) != body {
			t.Errorf("%s became %s, %v", body, again, err)
		}
	}
}
