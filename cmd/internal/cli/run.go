package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/willabides/kongplete"
	"golang.org/x/term"

	"passbook/shared/platform"
)

// Terminal is everything of the outside world that a program touches besides its stores.
type Terminal struct {
	// Version is the program's.
	Version string
	// Environ is as of os.Environ, after the program's own defaults.
	Environ  []string
	defaults int
	// In answers questions, where it is a terminal.
	In io.Reader
	// Out gets what the program is asked for, Err gets progress, logs and failures.
	Out, Err io.Writer
}

// Describe returns a program's name and version, and what it was built with and for.
func (t *Terminal) Describe(name string) string {
	return fmt.Sprintf("%s %s %s %s/%s", name, t.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// Sure asks whether something that cannot be undone is really wanted: its name must be typed.
// Without a terminal to ask on, the command line must say yes.
func (t *Terminal) Sure(yes bool, what, name string) error {
	if yes {
		return nil
	}
	f, ok := t.In.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return Fail(ExitUsage, fmt.Errorf("%s: this cannot be undone", what), "add --yes to do it; where there is a --dry-run, it prints what would be done")
	}
	fmt.Fprintf(t.Err, "%s: this cannot be undone. Type %s to do it: ", what, name)
	var typed string
	if _, err := fmt.Fscanln(f, &typed); err != nil || typed != name {
		return Fail(ExitUsage, errors.New("not done"), "")
	}
	return nil
}

// Command is a command of a program: a struct of flags and arguments.
type Command interface {
	Run(ctx context.Context, t *Terminal) error
}

// leave is the panic that ends the parser after it has printed help.
type leave int

// Run parses args into grammar, a pointer to a struct that lists the commands, runs the command
// that they name and returns the exit code.
func Run(ctx context.Context, name, about string, grammar any, args []string, t *Terminal) (code int) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case leave:
			code = int(fault)
		default:
			panic(fault)
		}
	}()
	t, written := t.watched()
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:len(args):len(args)], "--help")
	}
	if len(args) == 1 && args[0] == "--version" { // a flag of the program would take the name from its commands
		fmt.Fprintln(t.Out, t.Describe(name))
		return ExitOK
	}
	parser, err := kong.New(grammar, kong.Vars(vars(grammar)), kong.Vars{"version": t.Describe(name)},
		kong.Name(name), kong.Description(about), kong.Writers(t.Out, t.Err), kong.Bind(t), kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Exit(func(code int) { panic(leave(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 100}), kong.Help(printHelp), kong.ExplicitGroups(groups),
	)
	if err != nil {
		panic(fmt.Sprintf("cli: grammar of %s: %v", name, err))
	}
	if t.Getenv("COMP_LINE") != "" { // a shell asks for completions
		kongplete.Complete(parser)
		return ExitOK
	}
	if len(args) == 0 && len(parser.Model.Children) > 0 {
		return guide(parser, t)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return complain(t, name, Usage("%w", err))
	}
	err = parsed.Run()
	if failed := written(); failed != nil {
		err = Fail(ExitFailed, fmt.Errorf("the output is not complete: %w", failed), "look where standard output is written, and whether there is space; what the command does is done")
	}
	if err != nil {
		return complain(t, name, err)
	}
	return ExitOK
}

// complain prints what went wrong and what to try next, and returns the exit code.
func complain(t *Terminal, name string, err error) int {
	f := explain(err)
	fmt.Fprintf(t.Err, "%s: %s\n", name, printable(f.Err.Error()))
	if f.Next != "" {
		fmt.Fprintf(t.Err, "%s: %s\n", name, printable(f.Next))
	}
	return f.Code
}

// printable returns a text of one or more lines as a terminal may have it: parts of it may come
// from a server.
func printable(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = readable(line)
	}
	return strings.Join(lines, "\n")
}

// StoreFlags name the stores. Every program has them.
type StoreFlags struct {
	Data   *string `name:"data" group:"stores" placeholder:"DIR" help:"Data directory [./data]."`
	Store  *string `name:"store" group:"stores" placeholder:"KIND" help:"embedded or aws [embedded]."`
	Prefix *string `name:"prefix" group:"stores" placeholder:"TEXT" help:"Prefix of tables and streams [passbook-]."`
	Bucket *string `name:"bucket" group:"stores" placeholder:"NAME" help:"S3 bucket of the archive, with --store aws."`
	KMSKey *string `name:"kms-key" group:"stores" placeholder:"KEY" help:"KMS key on AWS; else alias/PREFIXbank."`
}

// vars returns what a grammar's texts refer to as ${name}.
func vars(grammar any) map[string]string {
	if v, ok := grammar.(interface{ Vars() map[string]string }); ok {
		return v.Vars()
	}
	return nil
}

// Config reads the configuration: flags, a pointer to a struct of *string fields named as the flags
// are, over the environment over the defaults, and validates it.
func (t *Terminal) Config(flags any) (platform.Config, error) {
	environ, given := append([]string(nil), t.Environ...), map[string]string{}
	v := reflect.ValueOf(flags).Elem()
	for _, field := range reflect.VisibleFields(v.Type()) {
		if !field.IsExported() {
			continue
		}
		value, ok := v.FieldByIndex(field.Index).Interface().(*string)
		variable, known := platform.Variable(field.Tag.Get("name"))
		if ok && known && value != nil && *value == "" {
			return platform.Config{}, Usage("--%s is empty; leave it out for its default", field.Tag.Get("name"))
		}
		if ok && known && value != nil {
			environ = append(environ, variable+"="+*value)
			given[field.Tag.Get("name")] = *value
		}
	}
	for _, name := range platform.Unknown(t.Environ) {
		fmt.Fprintf(t.Err, "warning: the variable %s is not a setting and has no effect; bank serve --help lists the settings\n", name)
	}
	c, err := platform.FromEnv(environ)
	if err != nil {
		return c, err
	}
	c.Given = platform.Given(t.Environ[t.defaults:], given)
	return c, c.Validate()
}
