package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"passbook/shared/access"
	"passbook/shared/event"
	"passbook/shared/journal/dryrun"
	"passbook/shared/web"

	"passbook/shared/journal"
	"passbook/shared/telemetry"
)

// sent is a forwarder with an answer from the test.
type sent struct {
	answer  Answer
	outcome Outcome
	got     []Forwarded
}

func (s *sent) Elsewhere(event.Account) bool { return s.outcome != Undone }

func (s *sent) Forward(_ context.Context, _ event.Account, command func() Forwarded) (Answer, Outcome) {
	if s.outcome != Undone {
		s.got = append(s.got, command())
	}
	return s.answer, s.outcome
}

// A command that was lost on the way is decided here; but then a refusal is not an answer, since
// the other writer may have accepted it.
func TestRefusalAfterALostHopIsOutcomeUnknown(t *testing.T) {
	accepts := func(_ context.Context, to journal.Command) (journal.Receipt, error) { return receipt(to), nil }
	refuses := func(context.Context, journal.Command) (journal.Receipt, error) {
		return rejected(VersionMismatch.Code), nil
	}
	fails := func(context.Context, journal.Command) (journal.Receipt, error) {
		return journal.Receipt{}, journal.ErrUnavailable
	}
	for name, tt := range map[string]struct {
		outcome Outcome
		here    func(context.Context, journal.Command) (journal.Receipt, error)
		want    string // of a request, and of a line
	}{
		"answered there":        {Answered, fails, "1 418"},
		"undone, accepted here": {Undone, accepts, "1 201"},
		"undone, refused here":  {Undone, refuses, "1 412 version-mismatch"},
		"undone, failed here":   {Undone, fails, "1 503 journal-unavailable"},
		"lost, accepted here":   {Lost, accepts, "1 201"},
		"lost, refused here":    {Lost, refuses, "1 504 outcome-unknown"},
		"lost, failed here":     {Lost, fails, "1 504 outcome-unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			by := &sent{outcome: tt.outcome, answer: Answer{Status: 418, Version: 3, Replayed: true, Opened: "A-1", RetryAfter: 2, Body: []byte(`{"a":1}`)}}
			server := New(Config{Web: web.Config{Service: "test", Logger: slog.New(slog.DiscardHandler), Registry: telemetry.NewRegistry("test")}, Forwarder: by})
			server.Operations(doing("try", tt.here))
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/test/try", strings.NewReader(`{"account_id":"A-1"}`))
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Idempotency-Key", "k")
			single := httptest.NewRecorder()
			server.Handler().ServeHTTP(single, request)
			if status := strings.Fields(tt.want)[1]; http.StatusText(single.Code) != "" && status != strconv.Itoa(single.Code) {
				t.Errorf("answered %d, want %s", single.Code, status)
			}
			if h := single.Header(); tt.outcome == Answered && (h.Get("ETag") != `"3"` || h.Get("Location") != "/v1/accounts/A-1" || h.Get("Idempotency-Replayed") != "true" ||
				h.Get("Retry-After") != "2" || single.Body.String() != `{"a":1}`) {
				t.Errorf("the other writer's answer became %v %s", h, single.Body)
			}
			w := dial(t, server)
			w.send(`{"op":"try","idempotency_key":"k","account_id":"A-1"}`)
			if got := w.result(); got != tt.want {
				t.Errorf("line answered %q, want %q", got, tt.want)
			}
			if tt.outcome != Undone && (len(by.got) != 2 || by.got[0].Request != by.got[1].Request || string(by.got[0].Body) != `{"account_id":"A-1"}`) {
				t.Errorf("forwarded %+v", by.got)
			}
		})
	}
}

// A receiver decides a command as its sender decoded it, or not at all, and forwards nothing.
func TestReceiverDecodesAsItsSender(t *testing.T) {
	var got journal.Command
	run := func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		got = to
		return receipt(to), nil
	}
	o := doing("try", run)
	o.Decode = func(f *web.Fields) Call {
		call := Call{AccountID: f.AccountID("account_id", web.Required), Run: run}
		f.String("text", web.Optional)
		f.OptInt("n")
		f.OptBool("b")
		return call
	}
	for _, body := range []string{
		`{"account_id":"A-1"}`, `{"n":-5,"account_id":"A-1","b":false}`, `{"text":"<\u00e9\"\\\ud83d\ude00\u2028>","account_id":"A-1","b":true}`,
	} {
		f := web.ParseFields([]byte(body))
		to := journal.Command{Key: "k", CorrelationID: "c", IfMatch: 4}
		if _, problem := o.decode(f, &to, access.Dev); problem != nil {
			t.Fatal(problem, problem.Errors)
		}
		forwarded := o.forwarded(f, to)
		answer, err := NewReceiver(o).Answer(t.Context(), forwarded)
		if err != nil || answer.Status != 201 {
			t.Errorf("%s: %+v, %v", body, answer, err)
		}
		if to.Decide = nil; got.Request != to.Request || got.Key != "k" || got.IfMatch != 4 || got.Account.ID != "A-1" || got.Actor != to.Actor {
			t.Errorf("%s: arrived as %+v", body, got)
		}
		forwarded.Body = []byte(`{"account_id":"A-1","n":6}`)
		if _, err := NewReceiver(o).Answer(t.Context(), forwarded); !errors.Is(err, ErrUnknownCommand) {
			t.Errorf("what reads otherwise: %v", err)
		}
	}
}

// A dry run that is forwarded is decided as one, by a program that knows dry runs; one that does
// not finds another hash than it computes, and does nothing. What the other answers is the answer,
// and where it does not the dry run is decided here, as that is harmless even after a lost hop.
func TestForwardedDryRunStoresNothing(t *testing.T) {
	var got []journal.Command
	run := func(err error) Operation {
		return doing("try", func(_ context.Context, to journal.Command) (journal.Receipt, error) {
			got = append(got, to)
			return receipt(to), err
		})
	}
	for name, tt := range map[string]struct {
		outcome Outcome
		err     error // of the journal
		want    string
	}{
		"answered there":         {Answered, nil, `200 {"dry_run":true,"would_be_status":201,`},
		"not reached":            {Undone, nil, `200 {"dry_run":true,"would_be_status":201,`},
		"lost":                   {Lost, nil, `200 {"dry_run":true,"would_be_status":201,`},
		"lost, and full here":    {Lost, journal.ErrStorageFull, `200 {"dry_run":true,"would_be_status":503,`},
		"its journal is full":    {Answered, journal.ErrStorageFull, `200 {"dry_run":true,"would_be_status":503,"key_used":false,"problem":{"type":"/problems/storage-full",`},
		"its clock is off":       {Answered, journal.ErrClockSkew, `503 {"type":"/problems/clock-skew",`},
		"this clock is off":      {Undone, journal.ErrClockSkew, `200 {"dry_run":true,"would_be_status":503,"key_used":false,"problem":{"type":"/problems/clock-skew",`},
		"too many declines":      {Undone, journal.ErrRateLimited, `200 {"dry_run":true,"would_be_status":429,`},
		"nothing can be decided": {Undone, journal.ErrUnavailable, `503 {"type":"/problems/journal-unavailable",`},
		"no time is left":        {Undone, context.DeadlineExceeded, `503 {"type":"/problems/journal-unavailable",`},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			o := run(tt.err)
			by := &answering{t: t, receiver: NewReceiver(o), outcome: tt.outcome}
			server := New(Config{Web: web.Config{Service: "test", Logger: slog.New(slog.DiscardHandler), Registry: telemetry.NewRegistry("test")}, Forwarder: by})
			server.Operations(o)
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/test/try?dry_run=true", strings.NewReader(`{"account_id":"A-1"}`))
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Idempotency-Key", "k")
			w := httptest.NewRecorder()
			server.Handler().ServeHTTP(w, request)
			if answer := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(answer, tt.want) {
				t.Errorf("answered %s\nwant %s", answer, tt.want)
			}
			for _, name := range []string{"ETag", "Location", "Idempotency-Replayed"} {
				if w.Header().Get(name) != "" {
					t.Errorf("the answer has %s", name)
				}
			}
			if len(got) != 1 || got[0].DryRun == nil || len(got[0].Request) != 22 {
				t.Errorf("decided %+v", got)
			}
		})
	}
}

// answering is a forwarder to a receiver, which first has the command in the form that a program
// from before dry runs reads.
type answering struct {
	t        *testing.T
	receiver *Receiver
	outcome  Outcome
}

func (*answering) Elsewhere(event.Account) bool { return true }

func (a *answering) Forward(ctx context.Context, _ event.Account, command func() Forwarded) (answer Answer, o Outcome) {
	if a.outcome != Answered {
		return answer, a.outcome
	}
	older := command()
	older.DryRun = false // a member that it does not know
	if _, err := a.receiver.Answer(ctx, older); !errors.Is(err, ErrUnknownCommand) {
		a.t.Errorf("an older program: %v", err)
	}
	answer, err := a.receiver.Answer(ctx, command())
	if err != nil {
		a.t.Error(err)
	}
	return answer, Answered
}

// A dry run shows the balance and leaves no entry, so it needs the scope that reading does too.
func TestDryRunNeedsTheScopeOfReading(t *testing.T) {
	o := doing("try", nil)
	for name, tt := range map[string]struct {
		dry     bool
		scopes  access.Scopes
		refused bool
	}{
		"a command":                {false, o.Scopes, false},
		"a dry run":                {true, o.Scopes, true},
		"a dry run of a reader":    {true, o.Scopes | access.AccountsRead, false},
		"a dry run of only reader": {true, access.AccountsRead, true},
	} {
		to := journal.Command{Key: "k"}
		if tt.dry {
			to.DryRun = &dryrun.Run{}
		}
		_, problem := o.decode(web.ParseFields([]byte(`{"account_id":"A-1"}`)), &to, &access.Principal{Tenant: "main", Scopes: tt.scopes})
		if refused := problem != nil && problem.Code == web.ScopeMissing.Code; refused != tt.refused || !refused && problem != nil {
			t.Errorf("%s: %v", name, problem)
		}
	}
}
