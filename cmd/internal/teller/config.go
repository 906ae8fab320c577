package teller

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/profile"
)

// ConfigCommand groups the commands on profiles.
type ConfigCommand struct {
	Show ConfigShowCommand `cmd:"" default:"withargs" help:"Show each setting in use, and where it is from."`
	List ConfigListCommand `cmd:"" help:"List the profiles."`
	Get  ConfigGetCommand  `cmd:"" help:"Print one setting in use."`
	Set  ConfigSetCommand  `cmd:"" help:"Keep a setting in a profile."`
	Use  ConfigUseCommand  `cmd:"" help:"Choose the profile that is used where none is named."`
	Path ConfigPathCommand `cmd:"" help:"Print where the profiles are."`
}

// Help returns what wins, and the example.
func (ConfigCommand) Help() string {
	return "A flag wins over a variable, a variable over the profile, the profile over the default. " +
		"The settings are server, key and timeout; the variables PASSBOOK_SERVER, PASSBOOK_KEY, PASSBOOK_TIMEOUT and PASSBOOK_PROFILE.\n\nExample:\n\n  bank config"
}

// ConfigShowCommand shows the settings in use.
type ConfigShowCommand struct{ Flags }

// Help returns the example.
func (ConfigShowCommand) Help() string {
	return "A key is not shown.\n\nExample:\n\n  bank config show"
}

// setting is a setting as it is shown.
type setting struct {
	Setting string `json:"setting"`
	Value   string `json:"value"`
	Source  string `json:"source"`
}

var settingColumns = []cli.Column[setting]{
	{Name: "setting", Value: func(s setting) any { return s.Setting }},
	{Name: "value", Value: func(s setting) any { return s.Value }},
	{Name: "source", Value: func(s setting) any { return s.Source }},
}

// Run shows them.
func (c *ConfigShowCommand) Run(_ context.Context, t *cli.Terminal) error {
	values, name, err := c.resolve(t)
	if err != nil {
		return err
	}
	rows := cli.NewRows(t, c.Output, settingColumns)
	source := "chosen by bank config use, or the default"
	switch {
	case c.Profile != "":
		source = "--profile"
	case t.Getenv(profile.ProfileVariable) != "":
		source = profile.ProfileVariable
	}
	if err := rows.Add(setting{"profile", name, source}); err != nil {
		return err
	}
	for _, s := range profile.Settings {
		v := values[s.Name]
		if err := rows.Add(setting{s.Name, v.Shown(), v.Source}); err != nil {
			return err
		}
	}
	return rows.Close()
}

// file loads the profiles.
func file(t *cli.Terminal) (*profile.File, error) {
	path, err := profile.Path(t.Getenv)
	if err != nil {
		return nil, cli.Fail(cli.ExitUsage, err, "")
	}
	f, err := profile.Load(path)
	if err != nil {
		return nil, cli.Fail(cli.ExitUsage, err, "")
	}
	return f, nil
}

// ConfigListCommand lists the profiles.
type ConfigListCommand struct{ cli.Output }

// Help returns the example.
func (ConfigListCommand) Help() string { return "Example:\n\n  bank config list" }

// listed is a profile as it is listed.
type listed struct {
	Profile string `json:"profile"`
	Current bool   `json:"current"`
	Server  string `json:"server"`
	Key     string `json:"key"`
	Timeout string `json:"timeout"`
}

var profileColumns = []cli.Column[listed]{
	{Name: "profile", Value: func(p listed) any { return p.Profile }},
	{Name: "current", Value: func(p listed) any { return p.Current }},
	{Name: "server", Value: func(p listed) any { return p.Server }},
	{Name: "key", Value: func(p listed) any { return p.Key }},
	{Name: "timeout", Value: func(p listed) any { return p.Timeout }},
}

// Run lists them.
func (c *ConfigListCommand) Run(_ context.Context, t *cli.Terminal) error {
	f, err := file(t)
	if err != nil {
		return err
	}
	profiles := make([]listed, 0, len(f.Profiles))
	for _, name := range f.Names() {
		of, secret := f.Profiles[name], ""
		if of["key"] != "" {
			secret = "(set)"
		}
		profiles = append(profiles, listed{name, name == f.Name(""), of["server"], secret, of["timeout"]})
	}
	return list(t, c.Output, each(profiles), 0, profileColumns, "no profile: bank config set server URL makes one")
}

// ConfigGetCommand prints a setting.
type ConfigGetCommand struct {
	Setting string `arg:"" help:"server, key or timeout."`
	Profile string `name:"profile" placeholder:"NAME" help:"Of this profile."`
}

// Help returns the example.
func (ConfigGetCommand) Help() string {
	return "A key is not shown.\n\nExample:\n\n  bank config get server"
}

// Run prints it.
func (c *ConfigGetCommand) Run(_ context.Context, t *cli.Terminal) error {
	if _, err := profile.Find(c.Setting); err != nil {
		return cli.Fail(cli.ExitUsage, err, "")
	}
	values, _, err := (&Flags{Profile: c.Profile}).resolve(t)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(t.Out, values[c.Setting].Shown())
	return err
}

// ConfigSetCommand keeps a setting.
type ConfigSetCommand struct {
	Setting string `arg:"" help:"server, key or timeout."`
	Value   string `arg:"" help:"Its value; - reads it from standard input, '' removes it."`
	Profile string `name:"profile" placeholder:"NAME" help:"In this profile [the one in use]."`
}

// Help returns what it does with keys, and the example.
func (ConfigSetCommand) Help() string {
	return "The file is readable by its owner alone. As key, @FILE keeps the name of a file that has it.\n\nExample:\n\n  bank config set server http://127.0.0.1:8080"
}

// maxValue bounds a value that is read from standard input.
const maxValue = 64 << 10

// Run keeps it.
func (c *ConfigSetCommand) Run(_ context.Context, t *cli.Terminal) error {
	f, err := file(t)
	if err != nil {
		return err
	}
	value := c.Value
	if value == "-" {
		if value, err = ask(t, c.Setting); err != nil {
			return cli.Fail(cli.ExitUsage, err, "")
		}
	}
	name := c.Profile
	if name == "" {
		name = f.Name(t.Getenv(profile.ProfileVariable))
	}
	if err := f.Set(name, c.Setting, value); err != nil {
		return cli.Fail(cli.ExitUsage, err, "")
	}
	if err := f.Save(); err != nil {
		return err
	}
	fmt.Fprintf(t.Err, "profile %s has it now\n", name)
	return nil
}

// ask reads a value from standard input, without showing it on a terminal.
func ask(t *cli.Terminal, name string) (string, error) {
	if f, ok := t.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(t.Err, "%s: ", name)
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(t.Err)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", name, err)
		}
		return strings.TrimSpace(string(text)), nil
	}
	line, err := bufio.NewReader(io.LimitReader(t.In, maxValue)).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", fmt.Errorf("standard input has no value of %s: %w", name, err)
	}
	return line, nil
}

// ConfigUseCommand chooses a profile.
type ConfigUseCommand struct {
	Profile string `arg:"" help:"Name of a profile."`
}

// Help returns the example.
func (ConfigUseCommand) Help() string { return "Example:\n\n  bank config use default" }

// Run chooses it.
func (c *ConfigUseCommand) Run(_ context.Context, t *cli.Terminal) error {
	f, err := file(t)
	if err != nil {
		return err
	}
	if err := f.Use(c.Profile); err != nil {
		return cli.Fail(cli.ExitUsage, err, fmt.Sprintf("bank config set --profile %s server URL makes it", c.Profile))
	}
	return f.Save()
}

// ConfigPathCommand prints the path.
type ConfigPathCommand struct{}

// Help returns the example.
func (ConfigPathCommand) Help() string { return "Example:\n\n  bank config path" }

// Run prints it.
func (ConfigPathCommand) Run(_ context.Context, t *cli.Terminal) error {
	path, err := profile.Path(t.Getenv)
	if err != nil {
		return cli.Fail(cli.ExitUsage, err, "")
	}
	_, err = fmt.Fprintln(t.Out, path)
	return err
}
