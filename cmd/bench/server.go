package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"passbook/shared/platform"
)

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 60 * time.Second
)

// server is a bank as a separate process.
type server struct {
	binary, data string
	address      string // host:port of the HTTP API
	ops          platform.Ops
	key          string // an API key with all scopes, if the bank asks for one
	cmd          *exec.Cmd
}

// start runs the bank on a free port with the data directory, and waits until it is ready.
func start(ctx context.Context, binary, data, auth string) (*server, error) {
	s := &server{binary: binary, data: data}
	s.cmd = exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "warn", "--drain-delay", "0s", "--auth", auth)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the bank: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.cmd.Process.Kill() })
	defer stop()
	lines := bufio.NewScanner(out)
	for s.address == "" && lines.Scan() {
		if _, url, found := strings.Cut(lines.Text(), "http://"); found {
			s.address, _, _ = strings.Cut(url, "/")
			s.address = strings.TrimSpace(s.address)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if s.address == "" {
		return nil, errors.Join(errors.New("the bank did not print where it listens"), s.cmd.Wait())
	}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.ops, err = platform.FindOps(data)
	if err == nil && auth == platform.AuthKeys {
		var text []byte
		text, err = os.ReadFile(filepath.Join(data, "first-key"))
		s.key = strings.TrimSpace(string(text))
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// ready waits until the bank is ready.
func (s *server) ready(ctx context.Context) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until the bank is ready: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop asks the bank to end and waits for it.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the bank: %w", err)
	}
	timer := time.AfterFunc(stopTimeout, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("stop the bank: %w", err)
	}
	return nil
}

// profile takes a CPU profile of the bank for a while and writes it to a file.
func (s *server) profile(ctx context.Context, file string, d time.Duration) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.ops.Address, max(1, int(d.Seconds())))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.ops.Secret)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s answers %s", url, response.Status)
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	_, err = io.Copy(f, response.Body)
	return errors.Join(err, f.Close())
}

// cpu returns the processor time that the bank has used so far.
func (s *server) cpu() time.Duration { return processTime(s.cmd.Process.Pid) }
