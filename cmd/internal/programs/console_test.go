package programs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
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

// person is somebody at a browser.
type person struct {
	t    *testing.T
	base string
	http http.Client
}

func at(t *testing.T, base string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, base, http.Client{Jar: jar, Timeout: programtest.Patience}}
}

// get returns a page, or an answer of the API.
func (p *person) get(path string) string {
	p.t.Helper()
	response, err := p.http.Get(p.base + path)
	return p.read(response, err)
}

// post sends the first form of a page to an action, with fields over those that it has.
func (p *person) post(page, action string, fields map[string]string) string {
	p.t.Helper()
	form := url.Values{}
	for _, m := range regexp.MustCompile(`<input[^>]*name="([^"]+)"[^>]*>`).FindAllStringSubmatch(page, -1) {
		if value := regexp.MustCompile(`value="([^"]*)"`).FindStringSubmatch(m[0]); value != nil {
			form.Set(m[1], value[1])
		}
	}
	for name, value := range fields {
		form.Set(name, value)
	}
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.base+action, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", p.base)
	response, err := p.http.Do(request)
	return p.read(response, err)
}

func (p *person) read(response *http.Response, err error) string {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// await asks for a path until its text has all of something.
func (p *person) await(path string, has ...string) (text string) {
	p.t.Helper()
	programtest.Every(p.t, 100*time.Millisecond, path, func() error {
		text = p.get(path)
		for _, want := range has {
			if !strings.Contains(text, want) {
				return fmt.Errorf("%s is not in %.3000s", want, text)
			}
		}
		return nil
	})
	return text
}

// change fills in the form of a change, looks at what it would do, sends it, and returns the page
// that follows.
func (p *person) change(path string, fields map[string]string) string {
	p.t.Helper()
	fields["step"] = "check"
	checked := p.post(p.get(path), path, fields)
	if !strings.Contains(checked, `value="send"`) {
		return checked
	}
	return p.post(checked, path, map[string]string{"step": "send"})
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
	Error     string    `json:"error"`
	StartedAt time.Time `json:"started_at"`
}

// The console beside the five services shows what they do and sends what a person has it send. A
// service that ends is named as missing, and only what needs it fails.
func TestTheConsoleIsBesideTheServices(t *testing.T) {
	f, p := newFleet(t)
	me := at(t, p.URL())
	me.await("/readyz?verbose", `{"name":"services","ready":true`)
	if page := me.change("/ui/change/open", map[string]string{"account_id": "A-1", "currency": "EUR"}); !strings.Contains(page, "A-1") {
		t.Fatalf("opening: %s", page)
	}
	me.await("/ui/accounts/A-1", "0.00")
	me.change("/ui/accounts/A-1/change/credit", map[string]string{"amount": "100.00"})
	checked := me.post(me.get("/ui/accounts/A-1/change/withdraw"), "/ui/accounts/A-1/change/withdraw", map[string]string{"amount": "25.00", "step": "check"})
	if want := processes(t, me.get("/v1/ops/pipeline"))["withdraw"].Address + "/v1/accounts/A-1/withdrawals"; !strings.Contains(checked, want) {
		t.Errorf("the command line does not name %s: %s", want, checked)
	}
	if sent := me.post(checked, "/ui/accounts/A-1/change/withdraw", map[string]string{"step": "send"}); !strings.Contains(sent, "25.00") {
		t.Errorf("sending: %s", sent)
	}
	me.await("/ui/accounts/A-1", "75.00", "−25.00")
	me.await("/ui/", "75.00", "A-1")
	me.await("/v1/totals", `"posted":7500`)
	me.await("/ui/pipeline", "balance@1", "creditlimit@1", "archiver", "withdraw-0")
	me.await("/ui/archive", "Complete up to")
	text := me.await("/v1/ops/pipeline", `"name":"withdraw","state":"ok","rate":`, `"published":`, `"complete_to":"`)
	for _, s := range append(slices.Clone(services), console.Program) {
		if one := processes(t, text)[s.Name]; !one.Up || one.Version != "v9" || time.Since(one.StartedAt) > time.Hour {
			t.Errorf("%s is %+v", s.Name, one)
		}
	}

	f.stops["withdraw"]()
	me.await("/readyz?verbose", "no process of [withdraw] says that it runs", `"status":"ready"`)
	if page := me.change("/ui/accounts/A-1/change/withdraw", map[string]string{"amount": "1.00"}); !strings.Contains(page, "No process of withdraw answers") {
		t.Errorf("without withdraw: %s", page)
	}
	me.change("/ui/accounts/A-1/change/credit", map[string]string{"amount": "1.00"})
	me.await("/ui/accounts/A-1", "76.00")
	if gone := processes(t, me.await("/v1/ops/pipeline", "not among the processes"))["withdraw"]; gone.Up {
		t.Errorf("withdraw is %+v", gone)
	}
}
