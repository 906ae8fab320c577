package script

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"passbook/cmd/internal/programtest"
)

func TestMain(m *testing.M) {
	os.Exit(programtest.Main(m, "bank", "replay", "audit"))
}

// limit bounds a script.
const limit = 2 * programtest.Patience

// TestScripts runs the sessions of testdata. Each has the programs in its PATH, an empty HOME, a
// port that is free, and runs in an empty directory.
func TestScripts(t *testing.T) {
	t.Parallel()
	bin := filepath.Dir(programtest.Path(t, "bank"))
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true, Deadline: time.Now().Add(limit),
		Setup: func(env *testscript.Env) error {
			port, err := freePort()
			if err != nil {
				return err
			}
			env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("PORT", strconv.Itoa(port))
			env.Setenv("PASSBOOK_SERVER", fmt.Sprintf("http://127.0.0.1:%d", port))
			return os.Mkdir(env.Getenv("HOME"), 0o700)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
	})
}

// exits runs a program and wants an exit code, as a command of scripts: exits 5 bank ….
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT]...")
	}
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ended *exec.ExitError
		if !errors.As(err, &ended) {
			ts.Fatalf("%v", err)
		}
		code = ended.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("%s ended with %d, not %s\n%s", strings.Join(args[1:], " "), code, args[0], ts.ReadFile("stderr"))
	}
}

// freePort returns a port on which nothing listens now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}
