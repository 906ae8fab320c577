package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canned reads a transcript of testdata, and returns the report on it.
func canned(t *testing.T, name string, edit func(text string) string) (printed string, err error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var progress, out strings.Builder
	seen, err := read(strings.NewReader(edit(string(text))), &progress)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(progress.String(), "{") {
		t.Errorf("not understood: %s", progress.String())
	}
	err = report(&out, seen)
	return out.String(), err
}

func asItIs(text string) string { return text }

// The transcripts were written by go test, on packages made to fail: legs that hold, break in a
// clause and outside of one, are skipped, leave clauses out, run two suites side by side; and legs
// that hang, do not build, are not there.
func TestGridOfCannedTranscripts(t *testing.T) {
	for _, name := range []string{"mixed", "broken"} {
		want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := canned(t, name+".json", asItIs)
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: %v, want errBroken", name, err)
		}
	}
}

// whole makes of the transcript with faults one without any.
var whole = strings.NewReplacer(
	`"Action": "fail"`, `"Action": "pass"`, `"Action": "skip", "Package": "passbook/shared/bucket/s3bucket"`, `"Action": "pass", "Package": "passbook/shared/bucket/s3bucket"`,
).Replace

// subtest returns an event that gives the leg that was skipped a clause.
func subtest(name, action string) string {
	return `{"Action": "` + action + `", "Package": "passbook/shared/bucket/s3bucket", "Test": "TestContractOnAWS/` + name + `"}` + "\n"
}

// run adds clauses to the leg that was skipped, before it ends.
func runInS3(text string, clauses ...string) string {
	events := ""
	for _, c := range clauses {
		events += subtest(c, "run") + subtest(c, "pass")
	}
	end := `{"Action": "pass", "Package": "passbook/shared/bucket/s3bucket", "Test": "TestContractOnAWS"`
	return strings.Replace(text, end, events+end, 1)
}

func TestGridHoldsWhereEveryLegDoes(t *testing.T) {
	all := func(text string) string { return runInS3(whole(text), "create", "open") }
	if got, err := canned(t, "mixed.json", all); err != nil || strings.Contains(got, "not tested") || strings.Contains(got, "FAIL") {
		t.Fatalf("%v\n%s", err, got)
	}
	for what, c := range map[string]struct {
		edit func(text string) string
		want string
	}{
		"a clause is missing": {
			func(text string) string { return runInS3(whole(text), "create") },
			"not tested: shared/bucket/s3bucket TestContractOnAWS: open\n",
		},
		"a leg without clauses": {
			whole, "not tested: shared/bucket/s3bucket TestContractOnAWS: it has no subtests\n",
		},
		"a clause is skipped": {
			func(text string) string {
				return strings.Replace(all(text), subtest("open", "pass"), subtest("open", "skip"), 1)
			},
			"not tested: shared/bucket/s3bucket TestContractOnAWS: open\n",
		},
		"a required test is gone": {
			func(text string) string {
				return strings.ReplaceAll(all(text), "TestContractOnAWS", "TestContractElsewhere")
			},
			"not tested: shared/table/dynamotable TestContractOnAWS: the package has no such test\n",
		},
	} {
		got, err := canned(t, "mixed.json", c.edit)
		if !errors.Is(err, errBroken) || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v\n%s\nwant %s", what, err, got, c.want)
		}
	}
}

func TestGridTellsAFaultThatNoTestExplains(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "mixed.json"))
	if err != nil {
		t.Fatal(err)
	}
	var progress, out strings.Builder
	seen, err := read(strings.NewReader("go: downloading something\n"+runInS3(whole(string(text)), "create", "open")), &progress)
	if err != nil || !strings.HasPrefix(progress.String(), "go: downloading something\n") {
		t.Fatalf("%v, %q", err, progress.String())
	}
	seen.fault = "go test: signal: killed"
	if err := report(&out, seen); !errors.Is(err, errBroken) || !strings.HasSuffix(out.String(), "\n\ngo test: signal: killed\n") {
		t.Fatalf("%v\n%s", err, out.String())
	}
}

func TestGridOfNothing(t *testing.T) {
	got, err := canned(t, "mixed.json", func(string) string { return "" })
	if !errors.Is(err, errBroken) || strings.Count(got, "not tested: ") != len(required) {
		t.Fatalf("%v\n%s", err, got)
	}
}

// A clause that failed on an endpoint is run once more: it holds when that passes. Nothing else is
// run again.
func TestFailureOnAnEndpointIsRunAgain(t *testing.T) {
	const first = `{"Action":"run","Package":"passbook/p","Test":"TestContractOnAWS"}
{"Action":"run","Package":"passbook/p","Test":"TestContractOnAWS/put/one"}
{"Action":"fail","Package":"passbook/p","Test":"TestContractOnAWS/put/one"}
{"Action":"fail","Package":"passbook/p","Test":"TestContractOnAWS"}
{"Action":"fail","Package":"passbook/p"}
`
	for _, tt := range []struct {
		text, second string
		runs         int
		holds        bool
	}{
		{first, strings.ReplaceAll(first, `"fail"`, `"pass"`), 1, true},
		{first, first, 1, false},
		{first, "", 1, false},
		{strings.ReplaceAll(first, "OnAWS", ""), "", 0, false},
	} {
		seen, err := read(strings.NewReader(tt.text), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		seen.fault = "exit status 1"
		runs := 0
		err = seen.retry(io.Discard, func(pkg, pattern string) (*transcript, error) {
			runs++
			if pkg != "passbook/p" || pattern != "^TestContractOnAWS$/^put$/^one$" {
				t.Errorf("ran %s of %s", pattern, pkg)
			}
			return read(strings.NewReader(tt.second), io.Discard)
		})
		failed := printFailures(io.Discard, seen)
		if err != nil || runs != tt.runs || failed == tt.holds || (seen.fault == "") != tt.holds {
			t.Errorf("%d runs, fails %t, fault %q, %v; want %+v", runs, failed, seen.fault, err, tt)
		}
	}
}
