package bank

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/devclock"
	"passbook/cmd/internal/serve"
	"passbook/cmd/internal/teller"
	"passbook/shared/client"
	"passbook/shared/platform"
	"passbook/shared/web"
)

// devCommand groups what serves a bank for development.
type devCommand struct {
	Serve   devServeCommand `cmd:"" default:"withargs" help:"Serve a bank for development (the default)."`
	Now     devNowCommand   `cmd:"" help:"Show the clock of a bank that was started with --clock."`
	Advance advanceCommand  `cmd:"" help:"Move its clock forward."`
	Set     setClockCommand `cmd:"" help:"Move its clock to an instant."`
}

// Help returns the example.
func (devCommand) Help() string {
	return "With --clock, holds and limits expire when you say so.\n\nExample:\n\n  bank dev --clock --data ./dev"
}

// devServeCommand serves a bank for development.
type devServeCommand struct {
	Clock bool `name:"clock" help:"A clock that bank dev advance and POST /dev/clock move, with a new --data."`
	serveCommand
}

// Help returns what it does, and the example.
func (devServeCommand) Help() string {
	return "Serves as bank serve does, without credentials.\n\nExample:\n\n  bank dev serve --clock --data ./dev --listen 127.0.0.1:8080"
}

// Run serves until ctx ends.
func (c *devServeCommand) Run(ctx context.Context, t *cli.Terminal) error {
	config, err := t.Config(c)
	if err != nil {
		return err
	}
	if config.Auth != platform.AuthDev || config.Store != platform.Embedded {
		return cli.Fail(cli.ExitUsage, errors.New("bank dev serves a data directory, and asks for no credentials"), "bank serve does what --auth and --store say; unset PASSBOOK_AUTH and PASSBOOK_STORE for bank dev")
	}
	if !c.Clock {
		return c.serve(ctx, t, config, Program)
	}
	clock, err := devclock.Open(config.Data)
	if errors.Is(err, devclock.ErrHasBank) {
		return cli.Fail(cli.ExitUsage, err, "name a directory that does not exist: entries from the future cannot be taken back out of a bank")
	}
	if err != nil {
		return err
	}
	program := Program
	program.Open = func(ctx context.Context, p *serve.Process) error {
		if err := clock.Mark(); err != nil {
			return err
		}
		p.Clock = clock
		p.Log.Warn("the bank is for development: its clock can be moved by who reaches it", "now", clock.Now().UTC().Format(time.RFC3339), "data", config.Data)
		return open(ctx, p)
	}
	fmt.Fprintf(t.Out, "The clock is %s. Move it: bank dev advance 36h\n", clock.Now().UTC().Format(time.RFC3339))
	return c.serve(ctx, t, config, program)
}

// refuseDevelopment refuses a data directory whose entries may be from the future.
func refuseDevelopment(config platform.Config) error {
	if config.Store != platform.Embedded {
		return nil
	}
	ahead, marked, err := devclock.Ahead(config.Data)
	if err != nil || !marked {
		return err
	}
	return cli.Fail(cli.ExitUnreachable, fmt.Errorf("data directory %s is a bank for development, whose clock is %v ahead", config.Data, ahead),
		"start it with bank dev --clock, or name another directory with --data")
}

// clockRoutes returns the routes of a clock that can be moved, if there is one.
func clockRoutes(p *serve.Process) []web.Route {
	if clock, ok := p.Clock.(*devclock.Clock); ok {
		return clock.Routes()
	}
	return nil
}

// devNowCommand shows the clock.
type devNowCommand struct{ teller.Flags }

// Help returns the example.
func (devNowCommand) Help() string { return "Example:\n\n  bank dev now" }

// Run shows it.
func (c *devNowCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return callClock(ctx, t, &c.Flags, http.MethodGet, nil)
}

// advanceCommand moves the clock by a duration.
type advanceCommand struct {
	By string `arg:"" help:"How far, as 90s, 36h or 744h."`
	teller.Flags
}

// Help returns the example.
func (advanceCommand) Help() string { return "Example:\n\n  bank dev advance 36h" }

// Run moves it.
func (c *advanceCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return callClock(ctx, t, &c.Flags, http.MethodPost, map[string]string{"advance": c.By})
}

// setClockCommand moves the clock to an instant.
type setClockCommand struct {
	To string `arg:"" help:"The instant, as 2030-01-01T00:00:00Z."`
	teller.Flags
}

// Help returns the example.
func (setClockCommand) Help() string { return "Example:\n\n  bank dev set 2030-01-01T00:00:00Z" }

// Run moves it.
func (c *setClockCommand) Run(ctx context.Context, t *cli.Terminal) error {
	return callClock(ctx, t, &c.Flags, http.MethodPost, map[string]string{"set": c.To})
}

// clockReading is what the bank answers of its clock.
type clockReading struct {
	Now   time.Time `json:"now"`
	Ahead string    `json:"ahead"`
}

// callClock calls the clock of a bank, and writes what it shows.
func callClock(ctx context.Context, t *cli.Terminal, f *teller.Flags, method string, body map[string]string) error {
	return f.Call(ctx, t, func(ctx context.Context, s *teller.Session) error {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("move the clock: %w", err)
		}
		request, err := http.NewRequestWithContext(ctx, method, s.URL()+devclock.Path, bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("move the clock: %w", err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return &client.Unreachable{URL: s.URL(), Err: err}
		}
		defer func() { _ = response.Body.Close() }() // it is read below
		answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		if err != nil {
			return fmt.Errorf("read the clock: %w", err)
		}
		if response.StatusCode != http.StatusOK {
			return clockRefusal(response.StatusCode, answer)
		}
		var shows clockReading
		if err := json.Unmarshal(answer, &shows); err != nil {
			return fmt.Errorf("read the clock: %w", err)
		}
		return cli.One(t, f.Output, shows, []cli.Column[clockReading]{
			{Name: "now", Value: func(r clockReading) any { return r.Now }},
			{Name: "ahead", Value: func(r clockReading) any { return r.Ahead }},
		})
	})
}

// clockRefusal returns the error of a clock that cannot be read or moved.
func clockRefusal(status int, answer []byte) error {
	if status == http.StatusNotFound {
		return cli.Fail(cli.ExitFailed, errors.New("this bank has no clock that can be moved"), "start one with bank dev --clock --data DIR")
	}
	var p struct {
		Title  string
		Errors []struct{ Pointer, Detail string }
	}
	if err := json.Unmarshal(answer, &p); err != nil {
		return fmt.Errorf("the bank answered %d", status)
	}
	text := p.Title
	for _, e := range p.Errors {
		text += "\n  " + strings.TrimPrefix(e.Pointer, "/") + ": " + e.Detail
	}
	return cli.Fail(cli.ExitUsage, errors.New(text), "see --help")
}
