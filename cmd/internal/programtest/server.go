package programtest

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a program that serves HTTP, as a process.
type Server struct {
	// Base is http://host:port, or https://host:port.
	Base string
	// Out and Log are what the process has written to its two outputs.
	Out, Log Lines

	t    testing.TB
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts a program with further variables, and waits until it is ready. It is killed at the
// end of the test, if it still runs.
func Start(t testing.TB, environ []string, name string, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, name: name, done: make(chan struct{})}
	s.cmd = exec.Command(program(t, name), args...)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = append(Environment(), environ...), &s.Out, &s.Log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // the state says how it ended
		close(s.done)
	}()
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s%s", name, s.Out.String(), s.Log.Tail(4000))
		}
	})
	s.awaitReady()
	return s
}

// awaitReady waits for the listener and for readyz.
func (s *Server) awaitReady() {
	s.t.Helper()
	Every(s.t, 100*time.Millisecond, s.name+" starts", func() error {
		select {
		case <-s.done:
			s.t.Fatalf("%s ended with %d:\n%s", s.name, s.cmd.ProcessState.ExitCode(), s.Log.String())
		default:
		}
		_, rest, found := strings.Cut(s.Out.String(), " http")
		address, _, complete := strings.Cut(rest, "\n")
		if !found || !complete {
			return fmt.Errorf("no address in %q", s.Out.String())
		}
		s.Base = "http" + strings.TrimSpace(address)
		return s.Ready()
	})
}

// Ready asks /readyz.
func (s *Server) Ready() error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // it is told apart by its port
	}}
	response, err := client.Get(s.Base + "/readyz?verbose")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("readyz answers %s", response.Status)
	}
	return nil
}

// Kill ends the process as a power cut would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended already
	<-s.done
}

// Terminate asks the process to end, waits for it and checks that it ended well.
func (s *Server) Terminate() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.done:
	case <-time.After(Patience):
		s.t.Fatalf("%s still runs %v after SIGTERM", s.name, Patience)
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Fatalf("%s ended with %d:\n%s", s.name, code, s.Log.Tail(4000))
	}
}
