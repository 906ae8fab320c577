package compact

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/jobs"
	"passbook/shared/platform"
)

// output is what a program prints, which a test waits for.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

// find waits for what matches.
func (o *output) find(t *testing.T, pattern string) []string {
	t.Helper()
	for {
		o.mu.Lock()
		found := regexp.MustCompile(pattern).FindStringSubmatch(o.text.String())
		o.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-o.more:
		case <-time.After(time.Minute):
			t.Fatalf("no %q in %s", pattern, o.text.String())
		}
	}
}

// get returns the status and the body of an answer.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestAProcessThatStaysIsWatchedAndEndsWithoutAnError(t *testing.T) {
	data := t.TempDir()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + data})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := platform.Open(t.Context(), config, jobs.Resources(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	if err = engine.CreateResources(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := &output{more: make(chan struct{}, 1)}
	terminal := &cli.Terminal{Version: "test", Out: out, Err: out}
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- cli.Run(ctx, "compact", "", &Command{}, []string{"--data", data, "--every", "10s"}, terminal)
	}()
	base := out.find(t, `http://[0-9.:]+`)[0]
	if status, body := get(t, base+"/livez"); status != http.StatusOK || body != `{"status":"live"}` {
		t.Errorf("/livez: %d %s", status, body)
	}
	if status, body := get(t, base+"/readyz"); status != http.StatusOK || body != `{"status":"ready"}` {
		t.Errorf("/readyz: %d %s", status, body)
	}
	status, body := get(t, base+"/metrics")
	for _, name := range []string{"works", "lag_seconds", "last_success_seconds", "rows", "waiting_accounts", "gaps"} { // docs/operations.md
		if status != http.StatusOK || !strings.Contains(body, "\npassbook_table_"+name+" ") {
			t.Errorf("/metrics has no %s: %d %s", name, status, body)
		}
	}
	if status, _ := get(t, base+"/v1/accounts"); status != http.StatusNotFound {
		t.Errorf("another path: %d", status)
	}
	stop()
	if got := <-code; got != cli.ExitOK {
		t.Errorf("exit code %d: %s", got, out.text.String())
	}
}

func TestATimeThatIsTooShortIsRefused(t *testing.T) {
	out := &output{more: make(chan struct{}, 1)}
	code := cli.Run(t.Context(), "compact", "", &Command{}, []string{"--data", t.TempDir(), "--every", "1s"}, &cli.Terminal{Out: out, Err: out})
	if code != cli.ExitUsage || !strings.Contains(out.text.String(), "--every") {
		t.Errorf("%d: %s", code, out.text.String())
	}
}
