package script

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"passbook/cmd/internal/programtest"
)

// maxHelp is how many lines the help of a command has; that of a program and of what serves may
// fill a screen.
const (
	maxHelp    = 24
	maxProgram = 48
)

// long are the commands whose help may be longer, with the reason.
var long = map[string]string{
	"bank":           "lists all commands",
	"bank serve":     "has each setting of a bank",
	"bank dev serve": "has each setting of a bank",
}

// notRun are the commands whose examples are not run here, with the reason.
var notRun = map[string]string{
	"bank":                "runs until it is interrupted; the scripts run it",
	"bank serve":          "runs until it is interrupted; the scripts run it",
	"bank resources":      "needs AWS; the tests of the services run it",
	"bank dev":            "runs until it is interrupted; a script runs it",
	"bank dev serve":      "runs until it is interrupted; a script runs it",
	"bank dev now":        "needs a bank of bank dev; a script runs it",
	"bank dev advance":    "needs a bank of bank dev; a script runs it",
	"bank dev set":        "needs a bank of bank dev; a script runs it",
	"bank webhook replay": "needs deliveries to a receiver; the tests of webhooks have one",
	"bank key revoke":     "needs the id of a key, which is random; the tests of keys run it",
	"bank webhook test":   "needs a receiver on the internet; the tests of webhooks have one",
	"bank archive retire": "needs a segment that is damaged; the tests of lost segments run it",
	"audit verify":        "needs a copy of an archive and a checkpoint; TestAnAuditorChecksACopy has both",
	"bank audit verify":   "needs a copy of an archive and a checkpoint; TestAnAuditorChecksACopy has both",
}

// alone are the commands whose examples run when the bank has ended, with the reason.
var alone = map[string]string{"bank salvage": "repairs a directory that no bank has open"}

// listedCommand is a line of a help text that names a command.
var listedCommand = regexp.MustCompile(`^  ([a-z][a-z -]*[a-z])  `)

// helpOf is a command with its help text.
type helpOf struct {
	name, text string
}

// helps returns the help of a command and of all commands below it.
func helps(t *testing.T, dir, name string) []helpOf {
	t.Helper()
	words := strings.Fields(name)
	got := programtest.Run(t, dir, nil, words[0], append(words[1:], "--help")...)
	if got.Code != 0 || got.ErrOut != "" {
		t.Fatalf("%s --help: %d\n%s", name, got.Code, got.ErrOut)
	}
	all := []helpOf{{name, got.Out}}
	if !strings.Contains(got.Out, "<command>") {
		return all
	}
	_, operating, _ := strings.Cut(got.Out, "where its data is:\n")
	operating, _, _ = strings.Cut(operating, "\n\n")
	children := strings.Fields(operating)
	for line := range strings.Lines(got.Out) {
		if m := listedCommand.FindStringSubmatch(line); m != nil && !strings.Contains(operating, line) {
			parts := strings.Fields(m[1])
			children = append(children, parts[len(parts)-1])
		}
	}
	if len(children) == 0 {
		t.Errorf("%s --help lists no command\n%s", name, got.Out)
	}
	for _, child := range children {
		all = append(all, helps(t, dir, name+" "+child)...)
	}
	return all
}

// TestHelpFitsAScreenAndItsExampleRuns runs the example of every help text of every command, on a
// bank that has what the examples are about.
func TestHelpFitsAScreenAndItsExampleRuns(t *testing.T) {
	t.Parallel()
	b, dir, environ := sharedBank(t)
	var all []helpOf
	var later []string
	for _, program := range []string{"bank", "replay", "audit"} {
		all = append(all, helps(t, dir, program)...)
	}
	if len(all) < 60 {
		t.Errorf("only %d commands were found", len(all))
	}
	known := map[string]bool{}
	for _, help := range all {
		known[help.name] = true
		most := maxHelp
		if long[help.name] != "" {
			most = maxProgram
		}
		if lines := strings.Count(help.text, "\n"); lines > most || lines < 4 {
			t.Errorf("%s --help has %d lines, more than %d\n%s", help.name, lines, most, help.text)
		}
		_, example, found := strings.Cut(help.text, "\nExample: ")
		example, _, _ = strings.Cut(example, "\n")
		if !found || !strings.HasPrefix(example, strings.Fields(help.name)[0]+" ") {
			t.Errorf("%s --help has no example\n%s", help.name, help.text)
			continue
		}
		switch {
		case notRun[help.name] != "":
		case alone[help.name] != "":
			later = append(later, example)
		default:
			run(t, dir, environ, example)
		}
	}
	b.Terminate()
	for _, example := range later {
		run(t, dir, environ, example)
	}
	for _, list := range []map[string]string{long, notRun, alone} {
		for name := range list {
			if !known[name] {
				t.Errorf("%s is listed and is no command", name)
			}
		}
	}
}

// run runs a line of a program, which must succeed.
func run(t *testing.T, dir string, environ []string, line string) {
	t.Helper()
	words := strings.Fields(line)
	if got := programtest.Run(t, dir, environ, words[0], words[1:]...); got.Code != 0 {
		t.Errorf("%s ended with %d\n%s%s", line, got.Code, got.Out, got.ErrOut)
	}
}

// sharedBank serves a bank from a directory, and returns both and the variables that name it. The
// directory has the files that examples name, the bank has: A-1 with money, a line of credit, the
// transaction t3 and the holds h4 and h5; A-2; and A-9, which is empty.
func sharedBank(t *testing.T) (b *programtest.Server, dir string, environ []string) {
	t.Helper()
	dir = t.TempDir()
	b = programtest.Start(t, nil, "bank", "serve", "--data", dir+"/data", "--listen", "127.0.0.1:0", "--segment-age", "1s")
	environ = []string{"PASSBOOK_SERVER=" + b.Base, "HOME=" + dir, "XDG_CONFIG_HOME=" + dir + "/config"}
	for _, line := range []string{
		"bank account open A-1 --currency EUR --limit 500.00", "bank credit A-1 1000.00 EUR", "bank withdraw A-1 25.00 EUR", "bank hold place A-1 20.00 EUR", "bank hold place A-1 5.00 EUR",
		"bank account open A-2 --currency EUR", "bank account open A-9 --currency EUR",
	} {
		run(t, dir, environ, line)
	}
	june := "op,account,amount,currency\nopen,I-1,,EUR\ncredit,I-1,12.00,\n"
	if err := os.WriteFile(filepath.Join(dir, "june.csv"), []byte(june), 0o600); err != nil {
		t.Fatal(err)
	}
	return b, dir, environ
}
