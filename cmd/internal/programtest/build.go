package programtest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

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

// build builds the programs, once.
var build = sync.OnceValue(func() error {
	args := []string{"build", "-o", bin + string(filepath.Separator)}
	for _, name := range programs {
		args = append(args, "passbook/cmd/"+name)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return look()
})

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
