package main

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"passbook/cmd/internal/cli"
)

// choose returns the program that args, as of os.Args, name, and its arguments; nil if they name
// none.
func choose(args []string) (run func(version string), rest []string) {
	if run := programs[filepath.Base(args[0])]; run != nil {
		return run, args
	}
	if len(args) < 2 {
		return nil, nil
	}
	return programs[args[1]], args[1:]
}

// usage lists the programs and returns the exit code: on out and 0 for those that asked for help,
// else on errOut and 2.
func usage(args []string, out, errOut io.Writer) int {
	code := cli.ExitUsage
	if len(args) == 2 && slices.Contains([]string{"help", "--help", "-h"}, args[1]) {
		code, errOut = cli.ExitOK, out
	}
	fmt.Fprintf(errOut, "usage: passbook PROGRAM [ARGUMENT]...\n\nPrograms: %s.\nEach has --help.\n",
		strings.Join(slices.Sorted(maps.Keys(programs)), ", "))
	return code
}
