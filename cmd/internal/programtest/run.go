package programtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long a test waits for something that is quick on an idle machine and may take
// long on a busy one.
const Patience = 60 * time.Second

// Outcome is how a program ended.
type Outcome struct {
	Code        int
	Out, ErrOut string
}

// Run runs a program to its end in a directory, "" for an empty one, with further variables.
func Run(t testing.TB, dir string, environ []string, name string, args ...string) Outcome {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	path := program(t, name)
	ctx, cancel := context.WithTimeout(t.Context(), 2*Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var out, errOut Lines
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(Environment(), environ...), &out, &errOut
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%s %q: %v, %v\n%s", name, args, err, ctx.Err(), errOut.String())
	}
	return Outcome{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// Environment returns this process's environment without settings of Passbook, AWS and
// OpenTelemetry, which would change what a test does.
func Environment() []string {
	var kept []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "PASSBOOK_") && !strings.HasPrefix(v, "OTEL_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// Eventually waits until check returns nil, or fails the test with its last error.
func Eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	Every(t, 20*time.Millisecond, what, check)
}

// Every does what Eventually does with a longer pause between two checks, for checks that load the
// program under test.
func Every(t testing.TB, pause time.Duration, what string, check func() error) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("%s: still %v after %v", what, err, Patience)
		case <-tick.C:
		}
	}
}

// Lines collects what a process writes.
type Lines struct {
	mu   sync.Mutex
	data bytes.Buffer
}

// Write implements io.Writer.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.Write(p)
}

// String returns everything written so far.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.String()
}

// Tail returns the last n bytes.
func (l *Lines) Tail(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}

// Running is a program that runs until it is interrupted.
type Running struct {
	// Out and ErrOut are what it has written so far.
	Out, ErrOut Lines

	t   testing.TB
	cmd *exec.Cmd
}

// Begin starts a program with further variables. It is killed at the end of the test, if it still
// runs.
func Begin(t testing.TB, environ []string, name string, args ...string) *Running {
	t.Helper()
	r := &Running{t: t}
	r.cmd = exec.Command(program(t, name), args...)
	r.cmd.Dir, r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = t.TempDir(), append(Environment(), environ...), &r.Out, &r.ErrOut
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Kill() // it may have ended already
			_ = r.cmd.Wait()
		}
	})
	return r
}

// Interrupt interrupts the program as Ctrl-C does, and waits for its end.
func (r *Running) Interrupt() Outcome {
	r.t.Helper()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		r.t.Fatal(err)
	}
	late := time.AfterFunc(Patience, func() { _ = r.cmd.Process.Kill() })
	defer late.Stop()
	if err := r.cmd.Wait(); err != nil && r.cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return Outcome{r.cmd.ProcessState.ExitCode(), r.Out.String(), r.ErrOut.String()}
}
