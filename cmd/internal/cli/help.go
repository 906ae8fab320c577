package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Connection is the group of the flags that say which bank is called. Help has them in one line.
const Connection = "connection"

// groups are the titles of the groups of commands and flags.
var groups = []kong.Group{
	{Key: "use", Title: "Use a bank:"}, {Key: "watch", Title: "See what it does:"}, {Key: "run", Title: "Run one:"}, {Key: Operating}, {Key: Connection},
}

// storesGroup is the group of the flags that say where the data of a bank is.
const storesGroup = "stores"

// Operating is the group of the commands that look after a bank. The help of a program has them in
// a few lines.
const Operating = "operate"

// printHelp prints the help of a command or of the program, on a screen. What is the same in every
// help is left out or in one line; the process ends afterwards, so the model may be changed.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	ctx.Model.HelpFlag.Hidden = true
	connection, stores := oneLine(ctx, Connection), []string(nil)
	if selected := ctx.Selected(); selected != nil && selected.Name != "serve" {
		stores = oneLine(ctx, storesGroup)
	}
	ungroup(ctx, storesGroup)
	var operating []string
	if selected := ctx.Selected(); selected != nil {
		selected.Group = nil // its commands are one group
	}
	for _, child := range ctx.Model.Children {
		switch {
		case ctx.Selected() != nil:
		case child.Group != nil && child.Group.Key == Operating:
			child.Hidden = true
			operating = append(operating, child.Name)
		}
	}
	out := ctx.Stdout
	var text bytes.Buffer
	ctx.Stdout = &text
	err := kong.DefaultHelpPrinter(options, ctx)
	ctx.Stdout = out
	if err != nil {
		return err
	}
	help, rest, _ := strings.Cut(strings.ReplaceAll(text.String(), "\n\n\n", "\n\n"), "\n\nRun \"")
	if len(operating) > 0 {
		help = strings.TrimRight(help, "\n") + "\n\nLook after a bank, where its data is:\n" + wrapped(operating) + "\n"
	}
	if rest != "" {
		help += "\nRun \"" + rest
	}
	if len(connection) > 0 {
		help += fmt.Sprintf("\nWhich bank: %s, or: %s config --help\n", strings.Join(connection, ", "), ctx.Model.Name)
	}
	if len(stores) > 0 {
		help += fmt.Sprintf("\nWhere its data is: %s\n", strings.Join(stores, ", "))
	}
	_, err = io.WriteString(out, strings.Replace(underOwnName(help, ctx), "Example:\n\n    ", "Example: ", 1))
	return err
}

// oneLine hides the flags of a group and returns them with what they take.
func oneLine(ctx *kong.Context, group string) (flags []string) {
	for _, flag := range ctx.Flags() {
		if flag.Group != nil && flag.Group.Key == group && !flag.Hidden {
			flag.Hidden = true
			flags = append(flags, "--"+flag.Name+" "+flag.FormatPlaceHolder())
		}
	}
	return flags
}

// ungroup puts the flags of a group among the others.
func ungroup(ctx *kong.Context, group string) {
	for _, flag := range ctx.Flags() {
		if flag.Group != nil && flag.Group.Key == group {
			flag.Group = nil
		}
	}
}

// helpWidth bounds the lines that wrapped makes.
const helpWidth = 78

// wrapped returns names in lines.
func wrapped(names []string) string {
	var text strings.Builder
	column := 0
	for _, name := range names {
		if column+len(name) > helpWidth-4 {
			text.WriteString("\n")
			column = 0
		}
		text.WriteString("  " + name)
		column += 2 + len(name)
	}
	return text.String()
}

// underOwnName returns a help text with the example of a command that is a program too, such as
// replay, under the name of this program.
func underOwnName(text string, ctx *kong.Context) string {
	for _, child := range ctx.Model.Children {
		text = strings.ReplaceAll(text, "\n    "+child.Name+" ", "\n    "+ctx.Model.Name+" "+child.Name+" ")
	}
	return text
}

// guide prints the help of a program that was called without a command.
func guide(parser *kong.Kong, t *Terminal) int {
	trace, err := kong.Trace(parser, nil)
	if err == nil {
		err = trace.PrintUsage(false)
	}
	if err != nil {
		return complain(t, parser.Model.Name, err)
	}
	return ExitOK
}
