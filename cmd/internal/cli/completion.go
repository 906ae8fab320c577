package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// CompletionCommand prints what makes a shell complete the program's commands and flags. The shell
// then runs the program itself, with COMP_LINE.
type CompletionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help returns how it is used, and the example.
func (CompletionCommand) Help() string {
	return "For this shell: source <(bank completion bash), in fish bank completion fish | source. For every one: write the same into " +
		"~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish.\n\nExample:\n\n  bank completion bash"
}

// byShell is what each shell is told. NAME is the program.
var byShell = map[string]string{
	"bash": "complete -o default -o bashdefault -C NAME NAME",
	"zsh":  "autoload -U +X bashcompinit && bashcompinit\ncomplete -o default -o bashdefault -C NAME NAME",
	"fish": "function __complete_NAME\n  set -lx COMP_LINE (commandline -cp)\n  test -z (commandline -ct)\n  and set COMP_LINE \"$COMP_LINE \"\n  NAME\nend\n" +
		"complete -f -c NAME -a \"(__complete_NAME)\"",
}

// Run prints it.
func (c *CompletionCommand) Run(t *Terminal, parsed *kong.Context) error {
	_, err := fmt.Fprintln(t.Out, strings.ReplaceAll(byShell[c.Shell], "NAME", parsed.Model.Name))
	return err
}
