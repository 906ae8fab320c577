package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// bin is the directory of the programs under test.
var bin string

// patience is how long a test waits for something that happens in a moment on an idle machine, and may take long on a busy one.
const patience = 60 * time.Second

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "passbook-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	build := exec.Command("go", "build", "-o", dir, "passbook/cmd/bank", "passbook/cmd/replay", "passbook/cmd/audit")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the programs:", err)
		return 1
	}
	return m.Run()
}

// look looks at every source file of the module, once a test runs a program. The go command remembers what tests looked at, and
// would otherwise give their cached results when only the programs have changed, which they do not import.
var look = sync.OnceValue(func() error {
	root := filepath.Join("..", "..", "..")
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && (d.Name() == ".git" || name == filepath.Join(root, "bin") || name == filepath.Join(root, "data")) {
				return fs.SkipDir
			}
			return err
		}
		if ext := filepath.Ext(name); ext == ".go" || ext == ".mod" || ext == ".yaml" {
			_, err = os.Stat(name)
		}
		return err
	})
})

// outcome is how a program ended.
type outcome struct {
	code        int
	out, errOut string
}

// command runs a program to its end.
func command(t *testing.T, name string, args ...string) outcome {
	t.Helper()
	return commandIn(t, t.TempDir(), nil, name, args...)
}

// commandIn runs a program to its end in a directory, with further variables.
func commandIn(t *testing.T, dir string, environ []string, name string, args ...string) outcome {
	t.Helper()
	if err := look(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
	var out, errOut lines
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(environment(), environ...), &out, &errOut
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%s %q: %v, %v\n%s", name, args, err, ctx.Err(), errOut.String())
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// environment is this process's without settings of Passbook and of AWS, which would lead a test elsewhere.
func environment() []string {
	var kept []string
	for _, v := range os.Environ() {
		if len(v) < 4 || v[:4] != "AWS_" && (len(v) < 9 || v[:9] != "PASSBOOK_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// eventually waits until check says that all is well, or fails the test with what it said last.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("%s: still %v after %v", what, err, patience)
		case <-tick.C:
		}
	}
}
