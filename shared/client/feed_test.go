package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/client"
)

// event returns a line of a feed.
func event(id, cursor string) string {
	return fmt.Sprintf(`{"event_id":%q,"account_id":"A-1","version":1,"type":"MoneyCredited","cursor":%q}`+"\n", id, cursor)
}

const (
	beat     = `{"heartbeat":"2026-11-30T09:00:00.000000Z","cursor":"c0"}` + "\n"
	complete = `{"bye":"complete","detail":"All was sent."}` + "\n"
)

// follow takes a feed to its end, and returns the ids of the events, and the error that ended it.
func follow(ctx context.Context, bank *client.Client, q client.FeedQuery) (ids []string, err error) {
	for item, failed := range bank.Feed(ctx, q) {
		if failed != nil {
			return ids, failed
		}
		ids = append(ids, item.EventID)
	}
	return ids, nil
}

func TestAFeedContinuesAtItsLastCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bank, s := bankOf(t,
			say(beat+event("A-1:1", "c1")+event("A-1:2", "")+`{"event_id":"A-1`),
			nil,
			refuse(503, "feed-unavailable", true, 1),
			say(event("A-1:2", "c2")+`{"bye":"shutting-down","detail":"Connect again."}`+"\n"),
			say(event("A-1:3", "c3")+complete))
		told := 0
		q := client.FeedQuery{From: "earliest", UntilNow: true, Types: []client.EventType{"MoneyCredited", "MoneyWithdrawn"}, MinAmount: 5, Interrupted: func(error, time.Duration) { told++ }}
		ids, err := follow(t.Context(), bank, q)
		if err != nil || fmt.Sprint(ids) != "[A-1:1 A-1:2 A-1:2 A-1:3]" || told != 4 {
			t.Fatalf("%v, %d interruptions, %v", ids, told, err)
		}
		for i, want := range []string{"from=earliest", "cursor=c1", "cursor=c1", "cursor=c1", "cursor=c2"} {
			name, value, _ := strings.Cut(want, "=")
			sent := s.got[i].URL.Query()
			if sent.Get(name) != value || sent.Has("from") && sent.Has("cursor") || sent.Get("until") != "now" || sent.Get("type") != "MoneyCredited,MoneyWithdrawn" || sent.Get("min_amount") != "5" {
				t.Errorf("connection %d asks for %v, want %s", i, sent, want)
			}
		}
	})
}

func TestAFeedThatCannotContinueEnds(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"feed-history-missing": say(`{"bye":"feed-history-missing","detail":"Gone."}` + "\n"),
		"access-refused":       say(`{"bye":"access-refused","detail":"Revoked."}` + "\n"),
		"scope-missing":        refuse(403, "scope-missing", false, 0),
	} {
		t.Run(name, func(t *testing.T) {
			bank, s := bankOf(t, answer)
			if _, err := follow(t.Context(), bank, client.FeedQuery{}); !client.HasCode(err, client.Code(name)) || len(s.got) != 1 {
				t.Errorf("%d connections, %v", len(s.got), err)
			}
		})
	}
}

func TestAFeedEndsWithItsReader(t *testing.T) {
	bank, s := bankOf(t, say(beat+event("A-1:1", "c1")+event("A-1:2", "c2")))
	for item, err := range bank.Feed(t.Context(), client.FeedQuery{Heartbeats: true}) {
		if err != nil || item.Cursor != "c0" || item.EventID != "" {
			t.Errorf("%+v, %v", item, err)
		}
		break
	}
	if len(s.got) != 1 {
		t.Errorf("%d connections", len(s.got))
	}
}

func TestASilentFeedIsConnectedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent, _ := io.Pipe()
		answers := 0
		bank, err := client.New(client.Options{URL: "http://bank.test", HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			if answers++; answers == 1 {
				context.AfterFunc(r.Context(), func() { silent.CloseWithError(r.Context().Err()) })
				return &http.Response{StatusCode: http.StatusOK, Body: silent}, nil
			}
			say(complete)(w)
			return w.Result(), nil
		})}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := follow(t.Context(), bank, client.FeedQuery{UntilNow: true}); err != nil || answers != 2 || time.Since(began) < 30*time.Second {
			t.Errorf("%d connections in %v, %v", answers, time.Since(began), err)
		}
	})
}

// roundTrip is a transport made of a function.
type roundTrip func(r *http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
