package driver

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

// Bank is a bank as a separate process.
type Bank struct {
	binary, data string
	Address      string // host:port of the HTTP API
	metrics      string // the URL of the metrics
	ops          platform.Ops
	Key          string // an API key with all scopes, if the bank asks for one
	cmd          *exec.Cmd
}

// Start runs the bank on a free port with the data directory and further flags, and waits until it
// is ready.
func Start(ctx context.Context, binary, data, auth string, flags ...string) (*Bank, error) {
	s := &Bank{binary: binary, data: data}
	flags = append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "warn", "--drain-delay", "0s", "--auth", auth}, flags...)
	s.cmd = exec.Command(binary, flags...)
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
	for (s.Address == "" || s.metrics == "") && lines.Scan() {
		switch field := strings.Fields(lines.Text()); {
		case len(field) == 2 && field[0] == "API":
			s.Address = strings.TrimPrefix(field[1], "http://")
		case len(field) == 2 && field[0] == "metrics":
			s.metrics = field[1]
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if s.Address == "" {
		return nil, errors.Join(errors.New("the bank did not print where it listens"), s.cmd.Wait())
	}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	s.ops, err = platform.FindOps(data)
	if err == nil && auth == platform.AuthKeys {
		var text []byte
		text, err = os.ReadFile(filepath.Join(data, "first-key"))
		s.Key = strings.TrimSpace(string(text))
	}
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// ready waits until the bank is ready.
func (s *Bank) ready(ctx context.Context) error {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Address+"/readyz", nil)
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

// Stop asks the bank to end and waits for it.
func (s *Bank) Stop() error {
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

// Metrics returns the metrics of the bank in the text format of Prometheus.
func (s *Bank) Metrics(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("read the metrics of the bank: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("read the metrics of the bank: %s answers %s", s.metrics, response.Status)
	}
	return text, err
}

// Profile takes a CPU profile of the bank for a while and writes it to a file.
func (s *Bank) Profile(ctx context.Context, file string, d time.Duration) error {
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

// CPU returns the processor time that the bank has used so far.
func (s *Bank) CPU() time.Duration { return CPUOf(s.cmd.Process.Pid) }

// Memory returns the bytes of the bank that are in memory, and the most that ever were.
func (s *Bank) Memory() (resident, peak int64) { return MemoryOf(s.cmd.Process.Pid) }
