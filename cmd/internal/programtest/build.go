package programtest

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

// buildLimit bounds a build by a machine that has nothing compiled.
const buildLimit = 10 * time.Minute

// programs are those under test, bin the directory that they are built into.
var (
	programs []string
	bin      string
)

// Main runs the tests and returns the exit code. names are the programs that they run, as below
// cmd; the first test that runs one builds them all.
func Main(m *testing.M, names ...string) int {
	dir, err := os.MkdirTemp("", "passbook-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs, bin = names, dir
	return m.Run()
}

// build builds the programs, once: the one file that is all of them, as the image ships it, with a
// link of each name. To link each one separately takes ten times as long.
var build = sync.OnceValue(func() error {
	if err := compile(".", bin, "passbook", programs); err != nil {
		return fmt.Errorf("build the programs: %w", err)
	}
	return look()
})

// compile builds a command of the module in a directory, stripped, and links it to further names.
func compile(module, into, command string, links []string, environ ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-ldflags", "-s -w", "-o", into+string(filepath.Separator), "passbook/cmd/"+command)
	cmd.Dir, cmd.Env = module, append(os.Environ(), environ...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	for _, link := range links {
		if err := os.Symlink(command, filepath.Join(into, link)); err != nil {
			return err
		}
	}
	return nil
}

// program returns the path of a program, which may be one of a release already.
func program(t testing.TB, name string) string {
	t.Helper()
	if filepath.IsAbs(name) {
		return name
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(bin, name)
}

// Path returns the file of a program under test.
func Path(t testing.TB, name string) string {
	t.Helper()
	return program(t, name)
}

// look reads the status of every source file of the module. The go command records which files a
// test has read; without this it would return cached results although the programs have changed,
// which the tests do not import.
func look() error {
	root := moduleRoot()
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
}

// moduleRoot returns the nearest directory above the test's that has a go.mod.
func moduleRoot() string {
	root := "."
	for range 10 {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Join(root, "..")
	}
	return root
}
