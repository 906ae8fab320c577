package affinity

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
	"passbook/shared/writer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter serves an operation that a test carries out to other writers.
func counter(t *testing.T, run func(ctx context.Context, to journal.Command) (journal.Receipt, error)) writer.Peer {
	t.Helper()
	return serving(t, bankKey, run)
}

// serving does what counter does, on a writer with these keys.
func serving(t *testing.T, keys Keys, run func(ctx context.Context, to journal.Command) (journal.Receipt, error)) writer.Peer {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := writer.Peer{ID: "other", Address: listener.Addr().String(), Secret: NewSecret()}
	server, err := NewServer(listener, to.Secret, keys, api.NewReceiver(api.Operation{Op: "try", Service: "test", Status: 201, Decode: func(f *web.Fields) api.Call {
		return api.Call{AccountID: f.AccountID("account_id", web.Required), Run: run}
	}}), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return to
}

// insufficientFunds is a refusal by the rules.
var insufficientFunds = web.ProblemType{Code: "insufficient-funds", Status: http.StatusUnprocessableEntity}

// a command of the account A-1, as its sender hashes it.
func command() api.Forwarded {
	return api.Forwarded{
		Service: "test", Op: "try", Tenant: "acme", Principal: event.Text{Plain: "Zoë"}, Key: "a key", IfMatch: 7, CorrelationID: "c-1",
		Request: journal.RequestHash("try", "A-1", []byte("{}")), Body: []byte(`{"account_id":"A-1"}`),
	}
}

func send(t *testing.T, to writer.Peer, f api.Forwarded, within time.Duration) (api.Answer, error) {
	t.Helper()
	client := NewClient(bankKey)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return client.Send(ctx, to, f)
}

// Everything that is sent with a command arrives, and so does the whole answer.
func TestCommandArrivesWhole(t *testing.T) {
	var got journal.Command
	var left time.Duration
	to := counter(t, func(ctx context.Context, to journal.Command) (journal.Receipt, error) {
		ends, _ := ctx.Deadline()
		got, left = to, time.Until(ends)
		return journal.Receipt{}, web.Refuse(insufficientFunds).Of("A-1", 9)
	})
	sent := command()
	answer, err := send(t, to, sent, 1500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	want := journal.Command{
		Account: event.Account{Tenant: "acme", ID: "A-1"}, Key: sent.Key, Request: sent.Request, CorrelationID: sent.CorrelationID, Actor: sent.Principal, IfMatch: sent.IfMatch, Status: 201,
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("arrived %+v\nwas sent %+v", got, want)
	}
	if left <= 0 || left > 1500*time.Millisecond {
		t.Errorf("it has %v left", left)
	}
	if answer.Status != 422 || answer.Version != 9 || answer.Problem != "insufficient-funds" || !strings.Contains(string(answer.Body), `"correlation_id":"c-1"`) {
		t.Errorf("answered %+v %s", answer, answer.Body)
	}
}

// A command that was surely not decided is told from one that may have been.
func TestUndoneCommandsAreToldFromLostOnes(t *testing.T) {
	hang := func(ctx context.Context, _ journal.Command) (journal.Receipt, error) {
		<-ctx.Done()
		return journal.Receipt{}, journal.ErrOutcomeUnknown
	}
	says := func(err error) func(context.Context, journal.Command) (journal.Receipt, error) {
		return func(context.Context, journal.Command) (journal.Receipt, error) { return journal.Receipt{}, err }
	}
	other := command()
	other.Request = "of another version"
	unknown := command()
	unknown.Op = "nothing"
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		to     writer.Peer
		f      api.Forwarded
		undone bool
	}{
		"nobody listens":                 {writer.Peer{Address: closed.Addr().String(), Secret: "s"}, command(), true},
		"read differently there":         {counter(t, hang), other, true},
		"not known there":                {counter(t, hang), unknown, true},
		"shutting down":                  {counter(t, says(journal.ErrShuttingDown)), command(), true},
		"journal out of reach":           {counter(t, says(journal.ErrUnavailable)), command(), true},
		"late":                           {counter(t, hang), command(), false},
		"unknown there":                  {counter(t, says(journal.ErrOutcomeUnknown)), command(), false},
		"a writer that does not know us": {func() writer.Peer { p := counter(t, hang); p.Secret = NewSecret(); return p }(), command(), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := send(t, tt.to, tt.f, 300*time.Millisecond)
			if err == nil || errors.Is(err, ErrUndone) != tt.undone {
				t.Errorf("%v, want undone %v", err, tt.undone)
			}
		})
	}
}

// A client that does not know the secret gets no answer, with or without a certificate.
func TestStrangersGetNoAnswer(t *testing.T) {
	to := counter(t, func(context.Context, journal.Command) (journal.Receipt, error) {
		t.Error("the command of a client without the secret was carried out")
		return journal.Receipt{}, journal.ErrUnavailable
	})
	wrong, err := sharedSecretTLS(NewSecret())
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]*tls.Config{
		"no certificate": {}, "a certificate of another secret": {Certificates: wrong.Certificates},
	} {
		config.InsecureSkipVerify = true
		transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+to.Address+path, strings.NewReader(`{"account_id":"A-1"}`))
		if err != nil {
			t.Fatal(err)
		}
		meta := fmt.Sprintf(`{"sent":%d,"left_ms":1000,"service":"test","op":"try","tenant":"main"}`, time.Now().UnixMicro())
		request.Header.Set(headerCall, meta)
		request.Header.Set(headerSignature, sign(bankKey, to.Secret, []byte(meta), []byte(`{"account_id":"A-1"}`)))
		answer, err := transport.RoundTrip(request)
		if err == nil {
			_ = answer.Body.Close()
			t.Errorf("%s: answered %d", name, answer.StatusCode)
		}
		transport.CloseIdleConnections()
	}
}

// BenchmarkHop measures the way of a command to another writer and back on one machine, without
// deciding it.
func BenchmarkHop(b *testing.B) {
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	to := writer.Peer{ID: "other", Address: listener.Addr().String(), Secret: NewSecret()}
	server, err := NewServer(listener, to.Secret, bankKey, api.NewReceiver(api.Operation{Op: "try", Service: "test", Status: 201, Decode: func(f *web.Fields) api.Call {
		return api.Call{AccountID: f.AccountID("account_id", web.Required), Run: func(context.Context, journal.Command) (journal.Receipt, error) {
			return journal.Receipt{}, web.Refuse(insufficientFunds)
		}}
	}}), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() { stop(); <-ended }()
	client := NewClient(bankKey)
	defer client.Close()
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if _, err := client.Send(ctx, to, command()); err != nil {
				b.Error(err)
			}
			cancel()
		}
	})
}

// A refusal says nothing about the writer where it may be the account's alone, and that the writer
// was late where the writer does not know the outcome.
func TestRefusalsOfOneAccountAreNotTheWritersFailure(t *testing.T) {
	for name, tt := range map[string]struct{ why, undone, kind error }{
		"clock":   {journal.ErrClockSkew, ErrUndone, errAccount},
		"journal": {journal.ErrUnavailable, ErrUndone, errAccount},
		"late":    {journal.ErrOutcomeUnknown, context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			to := counter(t, func(context.Context, journal.Command) (journal.Receipt, error) { return journal.Receipt{}, tt.why })
			if _, err := send(t, to, command(), 10*time.Second); !errors.Is(err, tt.undone) || !errors.Is(err, tt.kind) {
				t.Errorf("%v, want %v and %v", err, tt.undone, tt.kind)
			}
		})
	}
}

// Commands that are sent at once to a writer that the others have just learned of share its first
// connections.
func TestManyAtOnceReachAWriterThatIsNew(t *testing.T) {
	refused := journal.Receipt{Rejection: &account.Rejection{Code: api.VersionMismatch.Code}, Entry: &event.Entry{}}
	to := counter(t, func(context.Context, journal.Command) (journal.Receipt, error) { return refused, nil })
	client := NewClient(bankKey)
	defer client.Close()
	var failed atomic.Int64
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if _, err := client.Send(ctx, to, command()); err != nil {
				failed.Add(1)
			}
		})
	}
	all.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of 500 were not answered", n)
	}
}
