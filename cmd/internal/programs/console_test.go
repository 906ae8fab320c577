package programs

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/programs/console"
	"passbook/cmd/internal/programtest"
	"passbook/cmd/internal/serve"
	"passbook/shared/platform"
)

// fleet is the five services and the console, each with its own view of one store.
type fleet struct {
	config platform.Config
	engine *platform.Engine
	stops  map[string]func()
}

// newFleet starts the services and then the console, which it returns.
func newFleet(t *testing.T) (*fleet, *serve.Process) {
	t.Helper()
	f := &fleet{stops: map[string]func(){}}
	f.config, f.engine = deploy(t, "127.0.0.1:0")
	f.config.DrainDelay, f.config.SegmentAge = 0, time.Second
	if err := deployment.Stores(f.config, f.engine, slog.New(slog.DiscardHandler)).Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.engine.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, program := range services {
		f.start(t, program)
	}
	return f, f.start(t, console.Program)
}

// start runs a program until the test ends, or until its stop is called.
func (f *fleet) start(t *testing.T, program serve.Program) *serve.Process {
	t.Helper()
	bucket := f.engine.Bucket
	if !program.Resources.Archive {
		bucket = nil
	}
	config := f.config
	config.Instance = program.Name + "-0"
	p, err := serve.OpenOn(t.Context(), program, "v9", config, programtest.Share(f.engine, f.engine.Table, f.engine.Streams, bucket), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stopped := false
	f.stops[program.Name] = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(f.stops[program.Name])
	return p
}

// processes returns the processes in an answer about the pipeline, by name.
func processes(t *testing.T, text string) map[string]process {
	t.Helper()
	var answer struct {
		Processes []process `json:"processes"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	all := map[string]process{}
	for _, p := range answer.Processes {
		all[p.Name] = p
	}
	return all
}

type process struct {
	Name      string    `json:"name"`
	Version   string    `json:"version"`
	Address   string    `json:"address"`
	Up        bool      `json:"up"`
	Ended     bool      `json:"ended"`
	Error     string    `json:"error"`
	StartedAt time.Time `json:"started_at"`
}

// The console beside the five services shows what they do and sends what a person has it send. A
// service that ends is named as missing, and only what needs it fails.
func TestTheConsoleIsBesideTheServices(t *testing.T) {
	f, p := newFleet(t)
	me := programtest.NewPerson(t, p.URL())
	me.Await("/readyz?verbose", `{"name":"services","ready":true`)
	if page := me.Change("/ui/change/open", map[string]string{"account_id": "A-1", "currency": "EUR"}); !strings.Contains(page, "A-1") {
		t.Fatalf("opening: %s", page)
	}
	me.Await("/ui/accounts/A-1", "0.00")
	me.Change("/ui/accounts/A-1/change/credit", map[string]string{"amount": "100.00"})
	checked := me.Post(me.Get("/ui/accounts/A-1/change/withdraw"), "/ui/accounts/A-1/change/withdraw", map[string]string{"amount": "25.00", "step": "check"})
	if want := processes(t, me.Get("/v1/ops/pipeline"))["withdraw"].Address + "/v1/accounts/A-1/withdrawals"; !strings.Contains(checked, want) {
		t.Errorf("the command line does not name %s: %s", want, checked)
	}
	if sent := me.Post(checked, "/ui/accounts/A-1/change/withdraw", map[string]string{"step": "send"}); !strings.Contains(sent, "25.00") {
		t.Errorf("sending: %s", sent)
	}
	me.Await("/ui/accounts/A-1", "75.00", "−25.00")
	another := programtest.NewPerson(t, f.start(t, console.Program).URL()) // which adds up the balances
	another.Await("/v1/totals", `"posted":7500`)
	another.Await("/ui/", "75.00", "A-1")
	me.Await("/ui/pipeline", "balance@1", "creditlimit@1", "archiver", "withdraw-0")
	me.Await("/ui/archive", "Complete up to")
	text := me.Await("/v1/ops/pipeline", `"name":"withdraw","state":"ok","rate":`, `"published":`, `"complete_to":"`)
	for _, s := range append(slices.Clone(services), console.Program) {
		if one := processes(t, text)[s.Name]; !one.Up || one.Version != "v9" || time.Since(one.StartedAt) > time.Hour {
			t.Errorf("%s is %+v", s.Name, one)
		}
	}

	f.stops["withdraw"]()
	me.Await("/readyz?verbose", "no process of withdraw runs", `"status":"ready"`)
	if page := me.Change("/ui/accounts/A-1/change/withdraw", map[string]string{"amount": "1.00"}); !strings.Contains(page, "No process of withdraw answers") {
		t.Errorf("without withdraw: %s", page)
	}
	me.Change("/ui/accounts/A-1/change/credit", map[string]string{"amount": "1.00"})
	me.Await("/ui/accounts/A-1", "76.00")
	if gone := processes(t, me.Await("/v1/ops/pipeline", "No process of withdraw runs"))["withdraw"]; gone.Up || !gone.Ended {
		t.Errorf("withdraw is %+v", gone)
	}
}
