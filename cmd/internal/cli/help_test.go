package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// connected is a command with flags of the connection.
type connected struct {
	Server string `name:"server" placeholder:"URL" group:"connection" help:"The bank."`
	StoreFlags
	Format string `name:"form" enum:"long,short" default:"long" help:"How."`
}

func (connected) Help() string { return "Example:\n\n  call it" }

func (connected) Run() error { return nil }

// helped is a grammar of both kinds of commands.
type helped struct {
	Call       connected         `cmd:"" group:"use" help:"Calls."`
	Rebuild    connected         `cmd:"" group:"operate" help:"Rebuilds."`
	Completion CompletionCommand `cmd:"" group:"run" help:"Completes."`
}

// said returns what a command line prints.
func said(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := Run(context.Background(), "test", "about", &helped{}, args, &Terminal{Environ: environ, Out: &out, Err: &errOut}); code != ExitOK || errOut.Len() > 0 {
		t.Errorf("%v: code %d, %s", args, code, errOut.String())
	}
	return out.String()
}

func TestHelpHasWhatIsTheSameEverywhereInOneLine(t *testing.T) {
	program := said(t, nil)
	if !strings.Contains(program, "Use a bank:\n  call") || !strings.Contains(program, "where its data is:\n  rebuild\n") || strings.Contains(program, "Rebuilds.") {
		t.Errorf("of the program:\n%s", program)
	}
	command := said(t, nil, "call", "--help")
	for _, want := range []string{"\nExample: test call it\n", "\nWhich bank: --server URL, or: test config --help\n", "\nWhere its data is: --data DIR, --store KIND,", "--form"} {
		if !strings.Contains(command, want) {
			t.Errorf("of a command, without %q:\n%s", want, command)
		}
	}
	if strings.Contains(command, "--help ") || strings.Contains(command, "\n\n\n") {
		t.Errorf("of a command:\n%s", command)
	}
}

func TestAShellCompletesCommandsFlagsAndValues(t *testing.T) {
	for line, want := range map[string]string{"test ca": "call\n", "test call --serv": "--server\n", "test call --form s": "short\n"} {
		t.Setenv("COMP_LINE", line)
		if got := said(t, []string{"COMP_LINE=" + line}); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := said(t, nil, "completion", shell); !strings.Contains(got, "complete ") || strings.Contains(got, "NAME") {
			t.Errorf("%s: %s", shell, got)
		}
	}
}
