package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// maxRetries is how many clauses are run again: more failures than that have a common cause.
const maxRetries = 5

// retry runs each clause that failed on an endpoint once more, by itself: an emulator that shares
// the machine with its tests may pause for longer than a deadline. What fails twice is wrong, and
// so is everything that fails without an endpoint. run runs the tests that a pattern of go test
// selects in a package.
func (t *transcript) retry(progress io.Writer, run func(pkg, pattern string) (*transcript, error)) error {
	failed := t.failedOnEndpoint()
	if len(failed) == 0 || len(failed) > maxRetries {
		return nil
	}
	for _, one := range failed {
		second, err := run(one.pkg, pattern(one.name))
		if err != nil {
			return fmt.Errorf("run %s again: %w", one.name, err)
		}
		if got := second.byName[[2]string{one.pkg, one.name}]; got == nil || got.outcome != pass {
			continue
		}
		fmt.Fprintf(progress, "pass  %s %s, run again by itself\n", inTree(one.pkg), one.name)
		for outer := one; outer != nil && !t.failsInside(outer); outer = outer.parent {
			outer.outcome = pass
		}
	}
	if !slices.ContainsFunc(t.tests, func(one *test) bool { return one.outcome == fail }) {
		t.fault = ""
		for _, one := range failed {
			t.packages[one.pkg] = pass
		}
	}
	return nil
}

// failedOnEndpoint returns the clauses that failed in the tests that need an endpoint.
func (t *transcript) failedOnEndpoint() (failed []*test) {
	for _, one := range t.tests {
		top, _, inner := strings.Cut(one.name, "/")
		if inner && one.outcome == fail && strings.HasSuffix(top, "OnAWS") && !t.failsInside(one) {
			failed = append(failed, one)
		}
	}
	return failed
}

// failsInside reports whether a test runs another that failed.
func (t *transcript) failsInside(outer *test) bool {
	return slices.ContainsFunc(t.tests, func(one *test) bool { return one.parent == outer && one.outcome == fail })
}

// pattern returns what selects one test by its name, in the form of go test -run.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
