package browser

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"passbook/cmd/internal/browsertest"
	"passbook/cmd/internal/programtest"
)

// fromClone is how long a person may wait from the first of the two commands to the withdrawal.
const fromClone = 60 * time.Second

// What a person reads in the README is enough: clone, make run, and the address that it ends with.
func TestCloneToTheFirstWithdrawalTakesAMinute(t *testing.T) {
	began := time.Now()
	dir := filepath.Join(t.TempDir(), "passbook")
	clone(t, dir)
	base := makeRun(t, dir)
	t.Logf("served after %.1f s", time.Since(began).Seconds())
	s := &seat{browsertest.Open(t, base, browsertest.Views[0]), t, &bank{Server: &programtest.Server{Base: base}}, "A-1"}
	s.Visit("/ui/accounts")
	s.FollowText("Open an account")
	s.Type(`main form [name=account_id]`, s.id)
	s.Type(`main form [name=currency]`, "EUR")
	s.Follow(primary)
	s.Follow(primary)
	s.change("credit", "amount", "100.00")
	s.change("withdraw", "amount", "25.00")
	s.read("statement")
	s.sees("25.00", "75.00")
	took := time.Since(began)
	t.Logf("clone to the first withdrawal: %.1f s", took.Seconds())
	if took > fromClone {
		t.Errorf("clone to the first withdrawal took %v, at most %v", took, fromClone)
	}
}

// clone clones this repository.
func clone(t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programtest.Patience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", "--no-hardlinks", "file://"+root(t), dir).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
}

// root returns the directory of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// makeRun runs `make run` at a free port and returns the address that it prints last. The modules
// are in the cache of this machine.
func makeRun(t *testing.T, dir string) string {
	t.Helper()
	var out programtest.Lines
	run := exec.Command("make", "run", "LISTEN=127.0.0.1:0")
	run.Dir, run.Env, run.Stdout, run.Stderr = dir, append(programtest.Environment(), "GOFLAGS=-trimpath"), &out, &out
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-run.Process.Pid, syscall.SIGTERM) // it may have ended
		_ = run.Wait()                                      // make says that it was ended
	})
	base := ""
	programtest.Eventually(t, "make run prints an address", func() error {
		for line := range strings.Lines(out.String()) {
			if at := strings.Index(line, "http://127.0.0.1:"); at >= 0 && strings.Contains(line, "/ui/") {
				base, _, _ = strings.Cut(line[at:], "/ui/")
				return nil
			}
		}
		return fmt.Errorf("no address of the console in\n%s", out.Tail(2000))
	})
	return base
}

// written reads a file that a program writes, once it has something.
func written(t testing.TB, name string) string {
	t.Helper()
	var text []byte
	programtest.Eventually(t, name+" is written", func() error {
		var err error
		if text, err = os.ReadFile(name); err == nil && len(bytes.TrimSpace(text)) == 0 {
			err = errNotYet
		}
		return err
	})
	return string(bytes.TrimSpace(text))
}
