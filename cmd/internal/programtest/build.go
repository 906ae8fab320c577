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

// bin is the directory of the programs under test.
var bin string

// Main builds programs, named as below cmd, runs the tests and returns the exit code.
func Main(m *testing.M, programs ...string) int {
	dir, err := os.MkdirTemp("", "passbook-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range programs {
		args = append(args, "passbook/cmd/"+name)
	}
	build := exec.Command("go", args...)
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
})

// moduleRoot is the nearest directory above the test's that has a go.mod.
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
