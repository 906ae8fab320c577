package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// asked names what this test binary does as a program, instead of the tests.
const asked = "CONSOLE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if what := os.Getenv(asked); what != "" {
		Main("test", nil, programs[what])
	}
	os.Exit(m.Run())
}

var programs = map[string]func(context.Context, []string, *Terminal) int{
	"usage": func(ctx context.Context, _ []string, t *Terminal) int {
		return Run(ctx, "test", "about", &struct {
			It failing `cmd:""`
		}{}, []string{"that"}, t)
	},
	"panic":     func(context.Context, []string, *Terminal) int { panic("broken") },
	"goroutine": func(context.Context, []string, *Terminal) int { go panic("broken"); select {} },
	"exit":      func(context.Context, []string, *Terminal) int { return ExitDifference },
	"files": func(_ context.Context, args []string, t *Terminal) int {
		err := errors.Join(os.MkdirAll("made/below", 0o777), os.WriteFile("made/below/file", nil, 0o666)) //nolint:gosec // what is not to be
		if err != nil {
			fmt.Fprintln(t.Err, err)
			return ExitFailed
		}
		return ExitOK
	},
}

// as runs this test binary as one of the programs.
func as(t *testing.T, what string) (state *os.ProcessState, said, dir string) {
	t.Helper()
	p := exec.CommandContext(t.Context(), os.Args[0])
	var out bytes.Buffer
	p.Env, p.Dir, p.Stderr = append(os.Environ(), asked+"="+what), t.TempDir(), &out
	if err := p.Run(); err != nil && p.ProcessState == nil {
		t.Fatal(err)
	}
	return p.ProcessState, out.String(), p.Dir
}

// Exit code 2 is a wrong command line and nothing else: a panic ends the process by a signal,
// whichever goroutine it is in.
func TestOnlyAWrongCommandLineEndsWith2(t *testing.T) {
	for what, code := range map[string]int{"usage": ExitUsage, "exit": ExitDifference, "panic": -1, "goroutine": -1} {
		state, said, _ := as(t, what)
		if state.ExitCode() != code {
			t.Errorf("%s: exit code %d, %q", what, state.ExitCode(), said)
		}
		if status, ok := state.Sys().(syscall.WaitStatus); code < 0 && (!ok || status.Signal() != syscall.SIGABRT || status.CoreDump() || !bytes.Contains([]byte(said), []byte("broken"))) {
			t.Errorf("%s: ended with %v, said %q", what, state, said)
		}
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	_, said, dir := as(t, "files")
	for name, want := range map[string]os.FileMode{"made": 0o700, "made/below": 0o700, "made/below/file": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatalf("%v, %s", err, said)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has %v", name, info.Mode())
		}
	}
}
