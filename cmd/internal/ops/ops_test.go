package ops

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/progress"
	"passbook/shared/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait in these tests.
const patience = 20 * time.Second

// secret is the registry's in these tests.
const secret = "s3cret"

// serve serves a registry of the jobs that the tests start.
func serve(t *testing.T) (*Registry, *apitest.Client, *Client) {
	t.Helper()
	r := New(secret, "os:7")
	r.Register("echo", func(_ context.Context, params json.RawMessage, p *progress.Tracker) (any, error) {
		p.Begin("fold", "events", 10)
		p.Add(10)
		return params, nil
	})
	r.Register("compare", func(context.Context, json.RawMessage, *progress.Tracker) (any, error) {
		return map[string]int{"differences": 2}, fmt.Errorf("A-1 v3: %w", ErrDifference)
	})
	r.Register("fail", func(context.Context, json.RawMessage, *progress.Tracker) (any, error) {
		return nil, errors.New("no archive")
	})
	r.Register("panic", func(context.Context, json.RawMessage, *progress.Tracker) (any, error) { panic("oh") })
	r.Register("odd", func(context.Context, json.RawMessage, *progress.Tracker) (any, error) { return func() {}, nil })
	r.Register("wait", func(ctx context.Context, _ json.RawMessage, p *progress.Tracker) (any, error) {
		p.Begin("wait", "seconds", 0)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Auth: r, LocalOnly: true}})
	server.Mount(r.Routes()...)
	apitest.Routes(t, server, "ops", "process")
	c := apitest.New(t, server.Handler()).WithCanary("CANARY").As(secret)
	return r, c, NewClient(strings.TrimPrefix(c.URL(), "http://"), secret)
}

// ended polls a job through the contract until it has ended.
func ended(t *testing.T, c *apitest.Client, location string) apitest.Response {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		r := c.Get(location)
		if r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		if r.Text("state") != Running {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s", r.Body)
		}
	}
}

func TestJobsOverHTTP(t *testing.T) {
	_, c, _ := serve(t)
	for job, want := range map[string]string{
		"echo": "done 0 ", "compare": "failed 3 A-1 v3: a difference was found", "fail": "failed 1 no archive", "panic": "failed 1 the job panicked: oh",
		"odd": "failed 1 encode the result: json: unsupported type: func()",
	} {
		r := c.Do("POST", "/ops/jobs", `{"model":"balance","job":"`+job+`","deep":{"a":[1]}}`)
		if r.Status != 202 || r.Header.Get("Location") != "/ops/jobs/"+r.Text("id") {
			t.Fatalf("%d %v %s", r.Status, r.Header, r.Body)
		}
		end := ended(t, c, r.Header.Get("Location"))
		if got := fmt.Sprint(end.Text("state"), " ", end.Int("exit_code"), " ", end.Text("error")); got != want {
			t.Errorf("%s: %s, not %s", job, got, want)
		}
		if job == "echo" && !strings.Contains(string(end.Body), `"result":{"deep":{"a":[1]},"model":"balance"}`) {
			t.Errorf("%s", end.Body)
		}
		if job == "compare" && !strings.Contains(string(end.Body), `"result":{"differences":2}`) {
			t.Errorf("%s", end.Body)
		}
	}
	if list := c.Get("/ops/jobs"); strings.Count(string(list.Body), `"state":`) != 5 {
		t.Errorf("%s", list.Body)
	}
}

// A job without parameters is asked for with the actor and the reason alone.
func TestParametersMayBeNull(t *testing.T) {
	for _, params := range []string{"", "null", "{}"} {
		if body, err := (Request{Job: "claim", Actor: "os:7", Params: json.RawMessage(params)}).body(); err != nil || string(body) != `{"actor":"os:7","job":"claim"}` {
			t.Errorf("%q: %s, %v", params, body, err)
		}
	}
}

func TestOneOfAKindAtATime(t *testing.T) {
	r, c, _ := serve(t)
	first := c.Do("POST", "/ops/jobs", `{"job":"wait"}`)
	if again := c.Do("POST", "/ops/jobs", `{"job":"wait"}`); again.Status != 409 || again.Code() != api.JobRunning.Code {
		t.Fatalf("%d %s", again.Status, again.Body)
	}
	if other := c.Do("POST", "/ops/jobs", `{"job":"echo"}`); other.Status != 202 {
		t.Fatalf("%d %s", other.Status, other.Body)
	}
	if stopped := c.Do("DELETE", first.Header.Get("Location"), ""); stopped.Status != 202 {
		t.Fatalf("%d %s", stopped.Status, stopped.Body)
	}
	end := ended(t, c, first.Header.Get("Location"))
	if end.Text("state") != Cancelled || end.Int("exit_code") != 130 {
		t.Fatalf("%s", end.Body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if late := c.Do("POST", "/ops/jobs", `{"job":"echo"}`); late.Code() != web.ShuttingDown.Code {
		t.Fatalf("%s", late.Body)
	}
}

func TestRefusedRequests(t *testing.T) {
	_, c, _ := serve(t)
	for body, want := range map[string]string{
		`{"job":"CANARY"}`:                    "400 validation-failed [/job not-one-of]",
		`{"job":7}`:                           "400 validation-failed [/job wrong-type]",
		`{"a":1}`:                             "400 validation-failed [/job required]",
		`{"job":"echo","actor":7}`:            "400 validation-failed [/actor wrong-type]",
		`{"job":"echo","actor":"key:CANARY"}`: "400 validation-failed [/actor syntax]",
		`{"job":"echo","reason":"a\u0007"}`:   "400 validation-failed [/reason syntax]",
		`{"job":"echo","reason":"` + strings.Repeat("é", 141) + `"}`: "400 validation-failed [/reason syntax]",
		`{"job":"echo"}{}`: "400 malformed-request []",
		`CANARY`:           "400 malformed-request []",
		`null`:             "400 malformed-request []",
		``:                 "400 malformed-request []",
	} {
		r := c.Do("POST", "/ops/jobs", body)
		if got := fmt.Sprint(r.Status, " ", r.Code(), " ", r.Errors()); got != want {
			t.Errorf("%s: %s, not %s", body, got, want)
		}
	}
	if r := c.Do("POST", "/ops/jobs", `{"job":"echo"}`, "Content-Type", "text/plain"); r.Status != 415 {
		t.Errorf("a form of another site: %d", r.Status)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if r := c.Do(method, "/ops/jobs/CANARY", ""); r.Code() != api.JobNotFound.Code {
			t.Errorf("%s: %s", method, r.Body)
		}
	}
}

// A page elsewhere can make its own name point at this machine, but it cannot make a browser say
// another name.
func TestOtherNamesAreRefused(t *testing.T) {
	_, c, _ := serve(t)
	for host, want := range map[string]int{"evil.example": 403, "evil.example:80": 403, "10.0.0.1": 403, "localhost:1": 200, "127.0.0.1": 200, "[::1]:7": 200} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL()+"/ops/jobs", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		request.Header.Set("Authorization", "Bearer "+secret)
		answer, err := c.HTTP().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d", host, answer.StatusCode)
		}
	}
}

// Only who has read the secret is answered.
func TestTheSecretIsAskedFor(t *testing.T) {
	registry, c, _ := serve(t)
	for credentials, want := range map[string]string{
		"": "credentials-missing", secret: "credentials-invalid", "Bearer": "credentials-invalid", "Bearer ": "credentials-invalid", "Bearer " + secret + "x": "credentials-invalid",
		"Bearer " + secret[1:]: "credentials-invalid", "Basic " + secret: "credentials-invalid",
	} {
		header := []string{"Authorization", credentials}
		if credentials == "" {
			header = nil
		}
		for _, call := range [][2]string{{"POST", "/ops/jobs"}, {"GET", "/ops/jobs"}, {"GET", "/ops/jobs/1"}, {"DELETE", "/ops/jobs/1"}} {
			if r := c.As("").Do(call[0], call[1], `{"job":"echo"}`, header...); r.Status != 401 || r.Code() != want || r.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%q %v: %d %s", credentials, call, r.Status, r.Body)
			}
		}
	}
	if started := registry.List(); len(started) > 0 {
		t.Errorf("started %+v", started)
	}
}

// A job knows who asked for it, and why.
func TestAJobKnowsItsRequest(t *testing.T) {
	registry, _, client := serve(t)
	registry.Register("ask", func(ctx context.Context, params json.RawMessage, _ *progress.Tracker) (any, error) {
		asked := From(ctx)
		return []string{asked.Job, asked.Actor, asked.Reason, string(asked.Params), string(params)}, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	job, err := client.Run(ctx, Request{Job: "ask", Actor: "os:1000", Reason: "to see", Params: json.RawMessage(`{"a":1}`)}, nil)
	if want := `["ask","os:1000","to see","{\"a\":1}","{\"a\":1}"]`; err != nil || string(job.Result) != want {
		t.Fatalf("%s, not %s: %v", job.Result, want, err)
	}
	if job, err = client.Run(ctx, Request{Job: "ask"}, nil); err != nil || string(job.Result) != `["ask","os:7","","{}","{}"]` {
		t.Fatalf("%s: %v", job.Result, err)
	}
}

// After a bank that was killed, another process may listen where it did: none of its
// answers counts.
func TestAnswersOfAStrangerDoNotCount(t *testing.T) {
	for name, proofOf := range map[string]func(nonce string) string{
		"no proof": func(string) string { return "" }, "the nonce": func(nonce string) string { return nonce },
		"another secret": func(nonce string) string { return proof(sha256.Sum256([]byte("other")), nonce) },
		"an older proof": func(string) string { return proof(sha256.Sum256([]byte(secret)), "older") },
	} {
		for _, status := range []int{200, 202, 409, 500} {
			stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Passbook-Proof", proofOf(r.Header.Get("Passbook-Nonce")))
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"id":"1","job":"echo","state":"done","exit_code":0,"type":"/problems/job-running"}`))
			}))
			defer stranger.Close()
			job, err := NewClient(strings.TrimPrefix(stranger.URL, "http://"), secret).Run(t.Context(), Request{Job: "echo"}, nil)
			if !errors.Is(err, ErrStranger) || errors.Is(err, ErrRefused) || job.State != "" {
				t.Errorf("%s, %d: %+v %v", name, status, job, err)
			}
		}
	}
}

// A bank of a release that asked for no secret knew neither actor nor reason, and refuses unknown
// parameters.
func TestAnOlderBankIsAskedAsItKnows(t *testing.T) {
	var got string
	older := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Header.Get("Authorization") + string(body)
		_, _ = w.Write([]byte(`{"id":"1","job":"echo","state":"running"}`))
	}))
	defer older.Close()
	client := NewClient(strings.TrimPrefix(older.URL, "http://"), "")
	if _, err := client.Start(t.Context(), Request{Job: "echo", Actor: "os:1", Reason: "to see"}); err != nil || got != `{"job":"echo"}` {
		t.Errorf("%q, %v", got, err)
	}
}

func TestClientFollowsAJobToItsEnd(t *testing.T) {
	registry, _, client := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen := 0
	job, err := client.Run(ctx, Request{Job: "echo", Params: json.RawMessage(`{"model":"balance"}`)}, func(Job) { seen++ })
	if err != nil || job.State != Done || *job.ExitCode != 0 || string(job.Result) != `{"model":"balance"}` || seen == 0 {
		t.Fatalf("%+v %v, seen %d times", job, err, seen)
	}
	if job.Progress.Done != 10 || job.Progress.Total != 10 || job.Progress.Unit != "events" {
		t.Fatalf("%+v", job.Progress)
	}
	if _, err := client.Run(ctx, Request{Job: "no-such"}, nil); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "validation-failed") {
		t.Fatalf("%v", err)
	}
	registry.Check = func(asked Request) error {
		if strings.Contains(string(asked.Params), "wrong") {
			return fmt.Errorf("%w: there is no parameter %s", ErrParams, asked.Job)
		}
		return nil
	}
	_, err = client.Start(ctx, Request{Job: "echo", Params: json.RawMessage(`{"wrong":1}`)})
	if !errors.Is(err, ErrParams) || err.Error() != "refused: wrong parameters: there is no parameter echo" {
		t.Fatalf("%v", err)
	}
	if _, err := client.Start(ctx, Request{Job: "echo", Params: json.RawMessage(`5`)}); err == nil {
		t.Fatal("a number as parameters")
	}
}

func TestClientThatIsInterruptedCancelsItsJob(t *testing.T) {
	_, _, client := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	following, interrupt := context.WithCancel(ctx)
	job, err := client.Run(following, Request{Job: "wait"}, func(Job) { interrupt() })
	if err != nil || job.State != Cancelled || *job.ExitCode != 130 {
		t.Fatalf("%+v %v", job, err)
	}
}

func TestClientOfNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(address, secret).Run(t.Context(), Request{Job: "echo"}, nil); err == nil {
		t.Fatal("nobody answered")
	}
}

func TestListIsBounded(t *testing.T) {
	r, _, _ := serve(t)
	wait, err := r.Start(Request{Job: "wait"})
	if err != nil {
		t.Fatal(err)
	}
	for range keptJobs + 20 {
		job, err := r.Start(Request{Job: "fail"})
		for errors.Is(err, ErrRunning) {
			job, err = r.Start(Request{Job: "fail"})
		}
		if err != nil {
			t.Fatalf("%+v %v", job, err)
		}
	}
	if n := len(r.List()); n > keptJobs {
		t.Errorf("%d jobs are kept", n)
	}
	if _, ok := r.Get(wait.ID); !ok {
		t.Error("a running job was forgotten")
	}
	if _, ok := r.Cancel(wait.ID); !ok {
		t.Error("a running job cannot be cancelled")
	}
}

// Large results are kept of the newest jobs only, small ones of all.
func TestOnlyTheNewestLargeResultsAreKept(t *testing.T) {
	r, _, client := serve(t)
	r.Register("large", func(context.Context, json.RawMessage, *progress.Tracker) (any, error) {
		return strings.Repeat("x", largeResult), nil
	})
	for range keptLarge + 2 {
		if _, err := client.Run(t.Context(), Request{Job: "large"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	kept := 0
	for i, job := range r.List() {
		if len(job.Result) > 0 {
			kept++
		} else if i >= 2 {
			t.Errorf("the result of job %d of %d is gone", i, keptLarge+2)
		}
	}
	if kept != keptLarge {
		t.Errorf("%d large results, not %d", kept, keptLarge)
	}
}
