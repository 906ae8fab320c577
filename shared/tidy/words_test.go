package tidy

import (
	"bytes"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notNames are package names that say nothing about what is inside.
var notNames = []string{"util", "utils", "common", "helpers", "helper", "models", "types", "core", "misc", "base"}

func TestPackageNamesSayWhatIsInside(t *testing.T) {
	for _, f := range sources(t) {
		if slices.Contains(notNames, strings.TrimSuffix(f.tree.Name.Name, "_test")) || slices.Contains(notNames, path.Base(f.pkg)) {
			t.Errorf("%s: package %s", f.path, f.tree.Name.Name)
		}
	}
	for _, f := range sources(t) {
		if f.pkg == "shared" {
			t.Errorf("%s: shared itself has no Go files", f.path)
		}
	}
}

// unfinished matches marks of unfinished work. They are spelt in two parts here, so that this file
// does not match.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|HA` + `CK)\b`)

// machinePaths matches directories of the machine that a text was written on. A path on the
// reader's machine has to come from a flag or a variable.
var machinePaths = regexp.MustCompile(`(^|["'\s=(:])/(wo` + `rk|ro` + `ot|tm` + `p|ho` + `me|Us` + `ers)(/|["'\s)]|$)`)

func TestNoUnfinishedWorkAndNoMachinePaths(t *testing.T) {
	err := walk(func(name string, data []byte) error {
		if bytes.IndexByte(data, 0) >= 0 || path.Base(name) == "go.sum" || strings.Contains(name, "testdata/") {
			return nil
		}
		for i, line := range strings.Split(string(data), "\n") {
			if m := unfinished.FindString(line); m != "" {
				t.Errorf("%s:%d: %s", name, i+1, m)
			}
			if m := machinePaths.FindString(line); m != "" {
				t.Errorf("%s:%d: %s is a directory of one machine", name, i+1, strings.TrimSpace(m))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTestsNeitherSkipNorSleep(t *testing.T) {
	for _, f := range sources(t) {
		if !f.test {
			continue
		}
		eachCall(f, func(call *ast.CallExpr, x, name string) {
			switch {
			case slices.Contains([]string{"t", "b", "f", "tb"}, x) && strings.HasPrefix(name, "Skip"):
				t.Errorf("%s: a test that is skipped proves nothing", position(call))
			case x == "time" && name == "Sleep" && !slices.Contains(f.imports, "testing/synctest"):
				t.Errorf("%s: wait for a condition with a deadline, or use testing/synctest", position(call))
			}
		})
	}
}

func TestOnlyMainExits(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || layer(f.pkg) == suites {
			continue
		}
		eachCall(f, func(call *ast.CallExpr, x, name string) {
			if x == "os" && name == "Exit" && path.Base(f.path) != "main.go" && mayExit[f.path] == "" {
				t.Errorf("%s: only main.go exits", position(call))
			}
			if x == "log" && strings.HasPrefix(name, "Fatal") {
				t.Errorf("%s: return the error", position(call))
			}
		})
	}
}
