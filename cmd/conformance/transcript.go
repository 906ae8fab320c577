package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The outcomes of a test, in the words of go test.
const (
	pass = "pass"
	fail = "fail"
	skip = "skip"
)

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
	// ImportPath is what a build's output and failure are about; FailedBuild names the build that a
	// package failed for.
	ImportPath, FailedBuild string
	Elapsed                 float64
}

// test is one test or subtest, as far as it got.
type test struct {
	pkg, name string
	// parent is the test that runs it, nil at the top. Names alone do not tell: clauses have
	// slashes in theirs.
	parent *test
	// outcome is empty for one that did not end.
	outcome string
	output  strings.Builder
}

// transcript is the output of go test.
type transcript struct {
	// tests are in the order in which they began; byName finds them.
	tests  []*test
	byName map[[2]string]*test
	// packages are the outcomes of packages, and why where a build failed; builds what the compiler
	// said of each.
	packages map[string]string
	builds   map[string]*strings.Builder
	// fault is what went wrong with the run as a whole, empty if a failed test explains it.
	fault string
}

// read reads the events to the end, and prints a line for each top-level test that ends, and
// everything that is no event.
func read(from io.Reader, progress io.Writer) (*transcript, error) {
	t := &transcript{byName: map[[2]string]*test{}, packages: map[string]string{}, builds: map[string]*strings.Builder{}}
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				t.take(e, progress)
			} else {
				fmt.Fprintf(progress, "%s\n", strings.TrimSpace(string(line)))
			}
		}
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return t, fmt.Errorf("read the output of go test: %w", err)
		}
	}
}

// take adds one event to the transcript.
func (t *transcript) take(e event, progress io.Writer) {
	switch {
	case e.Action == "build-output":
		if t.builds[e.ImportPath] == nil {
			t.builds[e.ImportPath] = &strings.Builder{}
		}
		t.builds[e.ImportPath].WriteString(e.Output)
	case e.Test == "":
		t.takePackage(e)
	default:
		one := t.test(e.Package, e.Test)
		switch e.Action {
		case "output":
			one.output.WriteString(e.Output)
		case pass, fail, skip:
			one.outcome = e.Action
			if !strings.Contains(e.Test, "/") {
				fmt.Fprintf(progress, "%s  %s %s (%.1f s)\n", e.Action, inTree(e.Package), e.Test, e.Elapsed)
			}
		}
	}
}

// takePackage adds an event of a package as a whole.
func (t *transcript) takePackage(e event) {
	switch e.Action {
	case pass, skip:
		t.packages[e.Package] = e.Action
	case fail:
		t.packages[e.Package] = "it failed"
		if e.FailedBuild != "" {
			t.packages[e.Package] = "it does not build"
		}
	}
}

// test returns a test, which it adds if it is new. Its parent is the innermost of those around it
// that still runs: a clause "create" has ended when its sibling "create/keys" begins.
func (t *transcript) test(pkg, name string) *test {
	key := [2]string{pkg, name}
	if t.byName[key] == nil {
		one := &test{pkg: pkg, name: name}
		for i := strings.LastIndex(name, "/"); i > 0 && one.parent == nil; i = strings.LastIndex(name[:i], "/") {
			if outer := t.byName[[2]string{pkg, name[:i]}]; outer != nil && outer.outcome == "" {
				one.parent = outer
			}
		}
		t.byName[key] = one
		t.tests = append(t.tests, one)
	}
	return t.byName[key]
}

// inTree returns a package's directory.
func inTree(pkg string) string {
	_, dir, _ := strings.Cut(pkg, "/")
	return dir
}
