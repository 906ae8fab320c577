package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"passbook/cmd/internal/programtest"
)

// stranger is a user of this machine that is not the bank's.
const stranger = 65534

// openedTo makes a directory that every user of the machine can reach.
func openedTo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// asStranger runs a program as another user, and returns its exit code and what it printed.
func asStranger(t *testing.T, name string, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	out, _ := cmd.CombinedOutput() // how it ended is in its state
	if cmd.ProcessState == nil {
		t.Fatalf("%s did not start as another user", name)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// Another user of the machine reads no file of a data directory, and starts no job in its bank: the
// secret of the jobs is in a file of that directory.
func TestAnotherUserReadsNoFileAndStartsNoJob(t *testing.T) {
	t.Parallel()
	dir := openedTo(t)
	data := filepath.Join(dir, "data")
	b := serve(t, data, "--auth", "apikey")
	var files []string
	err := filepath.WalkDir(data, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		files = append(files, name)
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	})
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if os.Getuid() != 0 {
		t.Log("only root can start a program as another user: nothing but the modes was checked")
		return
	}
	probe := []string{"-c", `for f; do if cat "$f" >/dev/null 2>&1 || ls "$f" >/dev/null 2>&1; then echo "$f"; fi; done`, "sh"}
	if code, said := asStranger(t, "/bin/sh", append(probe, files...)...); code != 0 && said != "" || strings.TrimSpace(said) != "" {
		t.Errorf("another user can read\n%s", said)
	}
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, said := asStranger(t, "/bin/sh", append(probe, open)...); strings.TrimSpace(said) != open {
		t.Fatalf("the probe does not see what is open to all: %q", said)
	}

	bank := filepath.Join(dir, "bank")
	copyProgram(t, "bank", bank)
	for _, args := range [][]string{{"quarantine", "redrive", "--all"}, {"rotate-key"}, {"log"}, {"key", "create", "--name", "me", "--scopes", "all"}} {
		code, said := asStranger(t, bank, append(args, "--data", data)...)
		if code == 0 || !strings.Contains(said, "permission denied") || strings.Contains(said, "pb_") {
			t.Errorf("bank %q of another user: exit code %d\n%s", args, code, said)
		}
	}
	announced, err := os.ReadFile(filepath.Join(data, "ops"))
	if err != nil {
		t.Fatal(err)
	}
	address, secret, _ := strings.Cut(strings.TrimSpace(string(announced)), "\n")
	for credentials, want := range map[string]int{"": 401, "Bearer " + strings.ToLower(secret): 401, "Bearer " + b.firstKey(t): 401, "Bearer " + secret: 202} {
		if status, text := askOperators(t, http.MethodPost, "http://"+address+"/ops/jobs", credentials); status != want {
			t.Errorf("a job with %q: %d %s", credentials, status, text)
		}
		if status, text := askOperators(t, http.MethodGet, "http://"+address+"/debug/pprof/profile?seconds=1", credentials); (status == 200) != (want == 202) {
			t.Errorf("a profile with %q: %d %s", credentials, status, text)
		}
	}
}

// firstKey returns the API key that the bank made at its first start.
func (b *bank) firstKey(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.data, "first-key"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// askOperators asks the listener for jobs for something, by POST for a job.
func askOperators(t *testing.T, method, url, credentials string) (status int, text string) {
	t.Helper()
	body := ""
	if method == http.MethodPost {
		body = `{"job":"quarantine"}`
	}
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if credentials != "" {
		request.Header.Set("Authorization", credentials)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := httpClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer[:min(len(answer), 300)])
}

// copyProgram copies a program to where every user can run it.
func copyProgram(t *testing.T, name, to string) {
	t.Helper()
	from, err := os.Open(programtest.Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	into, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(into, from); err != nil {
		t.Fatal(err)
	}
	if err := into.Close(); err != nil {
		t.Fatal(err)
	}
}

// logged is an action in the operators' log.
type logged struct {
	ID       string `json:"id"`
	Job      string `json:"job"`
	Actor    string `json:"actor"`
	Reason   string `json:"reason"`
	State    string `json:"state"`
	ExitCode *int   `json:"exit_code"`
	Tenant   string `json:"tenant"`
}

// actor returns the user who runs this test, as an actor.
func actor() string { return fmt.Sprint("os:", os.Getuid()) }

// What operators do beside a running bank, and without it, is in one log: by the command, by the
// API, and after a restart.
func TestWhatOperatorsDoIsInTheLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := serve(t, dir)
	b.open(t, "A-1", 500)
	run := func(want int, program string, args ...string) {
		t.Helper()
		if got := programtest.Run(t, "", nil, program, append(args, "--data", dir)...); got.Code != want {
			t.Fatalf("%s %q: exit code %d, not %d\n%s%s", program, args, got.Code, want, got.Out, got.ErrOut)
		}
	}
	run(0, "bank", "rotate-key", "--reason", "once a year")
	run(0, "replay", "rebuild", "--model", "balance", "--from", "journal", "--dry-run")
	run(2, "bank", "clock", "accept", "A-9", "--reason", "a wrong clock")
	run(0, "bank", "quarantine", "list")
	b.Terminate()
	run(0, "replay", "rebuild", "--model", "balance", "--from", "journal", "--reason", "to compare")
	run(0, "replay", "discard", "--model", "balance", "--yes")
	var offline []logged
	got := programtest.Run(t, "", nil, "bank", "log", "--json", "--data", dir)
	if err := json.Unmarshal([]byte(got.Out), &offline); err != nil || got.Code != 0 {
		t.Fatalf("%d %v\n%s%s", got.Code, err, got.Out, got.ErrOut)
	}
	b = serve(t, dir)
	var page struct {
		Actions []logged `json:"actions"`
	}
	if err := json.Unmarshal([]byte(b.get(t, "/v1/ops/log").text), &page); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		job, reason, state, tenant string
		code                       int
	}{{"discard", "", "done", "", 0}, {"rebuild", "to compare", "done", "", 0}, {"clock", "a wrong clock", "failed", "main", 2}, {"rebuild", "", "done", "", 0}, {"rotate", "once a year", "done", "", 0}}
	for at, list := range map[string][]logged{"bank log": offline, "GET /v1/ops/log": page.Actions} {
		if len(list) != len(want) {
			t.Fatalf("%s: %+v", at, list)
		}
		for i, w := range want {
			if a := list[i]; a.Job != w.job || a.Reason != w.reason || a.State != w.state || a.Tenant != w.tenant || a.ExitCode == nil || *a.ExitCode != w.code || a.Actor != actor() {
				t.Errorf("%s: %+v, want %+v", at, a, w)
			}
		}
	}
}
