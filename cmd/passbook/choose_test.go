package main

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheNameOrTheFirstArgumentChoosesTheProgram(t *testing.T) {
	for _, tt := range []struct {
		args, rest []string
		program    string
	}{
		{[]string{"/app/bank", "serve"}, []string{"/app/bank", "serve"}, "bank"},
		{[]string{"withdraw"}, []string{"withdraw"}, "withdraw"},
		{[]string{"/app/passbook", "replay", "at", "--version", "2"}, []string{"replay", "at", "--version", "2"}, "replay"},
		{[]string{"passbook", "healthcheck"}, []string{"healthcheck"}, "healthcheck"},
		{[]string{"passbook", "ledger"}, []string{"ledger"}, ""},
		{[]string{"passbook"}, nil, ""},
	} {
		run, rest := choose(tt.args)
		if reflect.ValueOf(run).Pointer() != reflect.ValueOf(programs[tt.program]).Pointer() || !slices.Equal(rest, tt.rest) {
			t.Errorf("%q: not %q with %q, but %q", tt.args, tt.program, tt.rest, rest)
		}
	}
}

func TestUsageListsThePrograms(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{"passbook"}, 2}, {[]string{"passbook", "ledger"}, 2}, {[]string{"passbook", "--help"}, 0},
	} {
		var out, errOut bytes.Buffer
		code := usage(tt.args, &out, &errOut)
		text, silent := &errOut, &out
		if tt.code == 0 {
			text, silent = silent, text
		}
		if code != tt.code || silent.Len() > 0 || !strings.Contains(text.String(), "archiver, audit, balance, bank, console, credit") {
			t.Errorf("%q: %d\n%s%s", tt.args, code, &out, &errOut)
		}
	}
}

// The image has a link for every program, and a program for every folder of cmd but the driver of
// the benchmark, the report on conformance, and compact, which would double its size.
func TestTheImageHasEveryProgram(t *testing.T) {
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^LINKS\s*:=\s*(.*)$`).FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("the Makefile lists no LINKS")
	}
	links := strings.Fields(m[1])
	for name := range programs {
		if name != "healthcheck" && !slices.Contains(links, name) {
			t.Errorf("the image has no link %s", name)
		}
	}
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if _, err := os.Stat("../" + f.Name() + "/main.go"); err != nil || slices.Contains([]string{"passbook", "bench", "conformance", "compact"}, f.Name()) {
			continue
		}
		if programs[f.Name()] == nil {
			t.Errorf("passbook has no program %s", f.Name())
		}
	}
}
