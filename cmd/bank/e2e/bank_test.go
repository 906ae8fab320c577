package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bank is a running bank.
type bank struct {
	t    *testing.T
	data string
	base string // http://host:port
	cmd  *exec.Cmd
	out  lines
	log  lines
	done chan struct{}
}

// serve starts a bank on a data directory and waits until it is ready. It is killed at the end of the test, if it still runs.
func serve(t *testing.T, data string, flags ...string) *bank {
	t.Helper()
	if err := look(); err != nil {
		t.Fatal(err)
	}
	b := &bank{t: t, data: data, done: make(chan struct{})}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--segment-age", "1s", "--log-level", "warn"}, flags...)
	b.cmd = exec.Command(filepath.Join(bin, "bank"), args...)
	b.cmd.Env, b.cmd.Stdout, b.cmd.Stderr = environment(), &b.out, &b.log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = b.cmd.Wait() // the state says how it ended
		close(b.done)
	}()
	t.Cleanup(func() {
		b.kill()
		if t.Failed() {
			t.Logf("the bank on %s said:\n%s%s", filepath.Base(data), b.out.String(), b.log.tail(4000))
		}
	})
	b.awaitReady()
	return b
}

// awaitReady waits for the listener and for readyz.
func (b *bank) awaitReady() {
	b.t.Helper()
	eventually(b.t, "the bank starts", func() error {
		select {
		case <-b.done:
			b.t.Fatalf("the bank ended with %d:\n%s", b.cmd.ProcessState.ExitCode(), b.log.String())
		default:
		}
		_, rest, found := strings.Cut(b.out.String(), "http://")
		address, _, complete := strings.Cut(rest, "\n")
		if !found || !complete {
			return fmt.Errorf("no address in %q", b.out.String())
		}
		b.base = "http://" + strings.TrimSpace(address)
		response, err := http.Get(b.base + "/readyz")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz answers %s", response.Status)
		}
		return nil
	})
}

// kill ends the bank as a power cut of its process would.
func (b *bank) kill() {
	_ = b.cmd.Process.Kill() // it may have ended already
	<-b.done
}

// terminate asks the bank to end, waits for it and checks that it ended well.
func (b *bank) terminate() {
	b.t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	select {
	case <-b.done:
	case <-time.After(patience):
		b.t.Fatalf("the bank still runs %v after SIGTERM", patience)
	}
	if code := b.cmd.ProcessState.ExitCode(); code != 0 {
		b.t.Fatalf("the bank ended with %d:\n%s", code, b.log.tail(4000))
	}
}

// lines collects what a process writes.
type lines struct {
	mu   sync.Mutex
	data bytes.Buffer
}

// Write is for the process.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.Write(p)
}

// String is all of it so far.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.String()
}

// tail is the last n bytes.
func (l *lines) tail(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}
