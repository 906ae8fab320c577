package teller

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/profile"
	"passbook/shared/client"
)

// Flags say which bank a command calls, as whom, and how it writes the answer. Every command that
// calls a bank has them.
type Flags struct {
	Server  string `name:"server" placeholder:"URL" group:"connection" help:"The bank [http://127.0.0.1:8080]."`
	Key     string `name:"key" placeholder:"KEY|@FILE" group:"connection" help:"API key or token, or @FILE."`
	Profile string `name:"profile" placeholder:"NAME" group:"connection" help:"Take these from a profile of bank config."`
	Timeout string `name:"timeout" placeholder:"TIME" group:"connection" help:"Give up after this long [30s]."`
	cli.Output
}

// resolve returns the settings, with where each is from, and the profile that is in use.
func (f *Flags) resolve(t *cli.Terminal) (values map[string]profile.Value, name string, err error) {
	path, err := profile.Path(t.Getenv)
	file := &profile.File{}
	if err == nil {
		file, err = profile.Load(path)
	} else if f.Profile == "" && t.Getenv(profile.ProfileVariable) == "" {
		err = nil // no home directory, and none is needed
	}
	if err != nil {
		return nil, "", cli.Fail(cli.ExitUsage, err, "bank config path names the file of profiles")
	}
	asked := f.Profile
	if asked == "" {
		asked = t.Getenv(profile.ProfileVariable)
	}
	if name = file.Name(asked); asked != "" && asked != profile.Default && file.Profiles[asked] == nil {
		return nil, "", cli.Fail(cli.ExitUsage, fmt.Errorf("there is no profile %s", asked), fmt.Sprintf("bank config set --profile %s server URL makes one, bank config list shows those that there are", asked))
	}
	flags := map[string]string{"server": f.Server, "key": f.Key, "timeout": f.Timeout}
	values = map[string]profile.Value{}
	for _, v := range profile.Resolve(flags, t.Getenv, file, name) {
		if err := v.Check(v.Text); v.Text != "" && err != nil {
			return nil, "", cli.Fail(cli.ExitUsage, fmt.Errorf("%s (%s): %w", v.Name, v.Source, err), "")
		}
		values[v.Name] = v
	}
	return values, name, nil
}

// Session is a connection to a bank, for one command.
type Session struct {
	*client.Client
	// Timeout bounds the command.
	Timeout time.Duration
}

// Connect makes the client that the flags, the variables and the profile describe.
func Connect(t *cli.Terminal, f *Flags) (*Session, error) {
	values, _, err := f.resolve(t)
	if err != nil {
		return nil, err
	}
	timeout, err := time.ParseDuration(values["timeout"].Text)
	if err != nil {
		return nil, cli.Fail(cli.ExitUsage, fmt.Errorf("timeout: %w", err), "")
	}
	key, err := readKey(values["key"])
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Options{URL: values["server"].Text, Key: key, UserAgent: "bank/" + t.Version, CallTimeout: min(timeout, client.DefaultCallTimeout), Wait: min(timeout/2, client.DefaultWait)})
	if err != nil {
		return nil, cli.Fail(cli.ExitUsage, err, "give it as --server, PASSBOOK_SERVER or with bank config set server URL")
	}
	return &Session{Client: c, Timeout: timeout}, nil
}

// maxKeyFile bounds the file of a key.
const maxKeyFile = 64 << 10

// readKey returns a key, or what is in the file that stands for it.
func readKey(v profile.Value) (string, error) {
	path, ok := strings.CutPrefix(v.Text, "@")
	if !ok {
		return v.Text, nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxKeyFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxKeyFile)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path) //nolint:gosec // the caller names it
	}
	if err == nil && len(strings.TrimSpace(string(text))) == 0 {
		err = fmt.Errorf("%s is empty", path)
	}
	if err != nil {
		return "", cli.Fail(cli.ExitUsage, fmt.Errorf("key (%s): %w", v.Source, err), "name a file that has nothing but the key")
	}
	return strings.TrimSpace(string(text)), nil
}

// Call connects, calls the bank within the timeout and explains what went wrong.
func (f *Flags) Call(ctx context.Context, t *cli.Terminal, call func(ctx context.Context, s *Session) error) error {
	s, err := Connect(t, f)
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return Explain(call(ctx, s))
}

// errInterrupted is the end of a command by a signal.
var errInterrupted = errors.New("interrupted")
