package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/teller"
	"passbook/shared/backoff"
	"passbook/shared/client"
)

// Trace prints how events came about and where they went.
type Trace struct {
	Of      string        `arg:"" name:"of" help:"A correlation id, an event as A-1:3, or an account."`
	Version int64         `arg:"" optional:"" name:"version" help:"The version, after an account [its newest]."`
	Wait    time.Duration `name:"wait" placeholder:"TIME" help:"Wait this long for what is not there yet."`
	teller.Flags
}

// Help returns what a trace has, and the example.
func (Trace) Help() string {
	return "Prints the request, the entry that committed it, its record on the stream, the rows of the read models and the segment of the archive, each with " +
		"the time since the commit. A segment is sealed within a minute. With --wait the exit code is 4 if something is still missing.\n\nExample:\n\n  bank trace A-1 3"
}

// traced is an event with its journey.
type traced struct {
	Event   client.Event
	Journey client.Journey
}

const (
	// traceFirst and traceMost bound the pauses between two looks at what is not there yet.
	traceFirst = 50 * time.Millisecond
	traceMost  = time.Second
	// traceEvents is the most events of one correlation id that are traced.
	traceEvents = 100
)

// Run prints the trace.
func (c *Trace) Run(ctx context.Context, t *cli.Terminal) error {
	if c.Version < 0 || c.Wait < 0 {
		return cli.Usage("a version and --wait are not negative")
	}
	s, err := teller.Connect(t, &c.Flags)
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, s.Timeout+c.Wait)
	defer cancel()
	return teller.Explain(c.run(ctx, t, s.Client))
}

// run looks until everything is there or the wait is over, and prints what it saw last.
func (c *Trace) run(ctx context.Context, t *cli.Terminal, bank *client.Client) error {
	pauses := backoff.Backoff{First: traceFirst, Most: traceMost}
	end := time.Now().Add(c.Wait)
	for {
		found, err := c.find(ctx, bank)
		left := time.Until(end)
		missing := slices.ContainsFunc(found, func(one traced) bool { return len(one.missing()) > 0 })
		if err == nil && !missing || left <= 0 || err != nil && !errors.Is(err, errNothing) {
			if err != nil {
				return c.explainNothing(err)
			}
			return c.show(t, found, missing)
		}
		if err := backoff.Sleep(ctx, min(pauses.Next(), left)); err != nil {
			return err
		}
	}
}

// errNothing means that nothing has this name.
var errNothing = errors.New("watch: nothing has this name")

// explainNothing tells what to try when nothing has the name that was given.
func (c *Trace) explainNothing(err error) error {
	if !errors.Is(err, errNothing) {
		return err
	}
	return cli.Fail(cli.ExitFailed, fmt.Errorf("no event has the correlation id %s, and no account the id", c.Of),
		"what was answered a moment ago may be found a second later: add --wait 5s; bank tail shows the newest events")
}

// find returns the events that the command line names, each with its journey, in the order in which
// they were recorded.
func (c *Trace) find(ctx context.Context, bank *client.Client) ([]traced, error) {
	if c.Version > 0 {
		one, err := read(ctx, bank, c.Of, c.Version)
		return []traced{one}, err
	}
	if account, version, ok := eventID(c.Of); ok {
		one, err := read(ctx, bank, account, version)
		if err == nil || !client.HasCode(err, client.CodeAccountNotFound) && !client.HasCode(err, client.CodeVersionNotFound) {
			return []traced{one}, err
		}
	}
	found, err := byCorrelation(ctx, bank, c.Of)
	if err != nil || len(found) > 0 {
		return found, err
	}
	account, err := bank.Account(ctx, c.Of)
	switch {
	case client.HasCode(err, client.CodeAccountNotFound), client.HasCode(err, client.CodeValidationFailed):
		return nil, errNothing
	case err != nil:
		return nil, err
	}
	one, err := read(ctx, bank, c.Of, account.Version)
	return []traced{one}, err
}

// eventID returns the parts of an event's id.
func eventID(text string) (account string, version int64, ok bool) {
	account, number, found := strings.Cut(text, ":")
	version, err := strconv.ParseInt(number, 10, 64)
	return account, version, found && err == nil && version > 0
}

// byCorrelation returns the events of a request, the oldest first.
func byCorrelation(ctx context.Context, bank *client.Client, id string) ([]traced, error) {
	var found []traced
	for event, err := range bank.AllEvents(ctx, client.AllEventQuery{CorrelationID: id}) {
		if err != nil {
			return nil, err
		}
		journey, err := bank.Journey(ctx, event.AccountID, event.Version)
		if err != nil {
			return nil, err
		}
		if found = append(found, traced{event, *journey}); len(found) == traceEvents {
			break
		}
	}
	slices.SortStableFunc(found, func(a, b traced) int {
		if order := a.Event.RecordedAt.Compare(b.Event.RecordedAt); order != 0 {
			return order
		}
		return strings.Compare(a.Event.AccountID, b.Event.AccountID)*1_000_000 + int(a.Event.Version-b.Event.Version)
	})
	return found, nil
}

// read returns one event and its journey.
func read(ctx context.Context, bank *client.Client, account string, version int64) (traced, error) {
	journey, err := bank.Journey(ctx, account, version)
	if err != nil {
		return traced{}, err
	}
	for event, err := range bank.Events(ctx, account, client.EventQuery{From: version}) {
		event.AccountID = account
		return traced{event, *journey}, err
	}
	return traced{}, fmt.Errorf("the bank lists no event %s:%d, although it has its journey", account, version)
}

// missing names what the event has not reached yet.
func (one traced) missing() []string {
	var names []string
	if one.Journey.Stream == nil {
		names = append(names, "stream")
	}
	for _, m := range one.Journey.Models {
		if !m.Folded {
			names = append(names, m.Name)
		}
	}
	if one.Journey.Archive == nil {
		names = append(names, "archive")
	}
	return names
}

// show prints the events, and fails if it was to wait for what is missing.
func (c *Trace) show(t *cli.Terminal, found []traced, missing bool) error {
	if err := c.write(t, found); err != nil {
		return err
	}
	if missing && c.Wait > 0 {
		return cli.Fail(cli.ExitBehind, fmt.Errorf("not everything was there after %v", c.Wait), "bank lag shows how far the consumers are, bank doctor what is wrong")
	}
	return nil
}

// write prints the events as trees, or their journeys as the API has them.
func (c *Trace) write(t *cli.Terminal, found []traced) error {
	if c.ForPeople() {
		for i, one := range found {
			if i > 0 {
				if _, err := fmt.Fprintln(t.Out); err != nil {
					return err
				}
			}
			if _, err := io.WriteString(t.Out, tree(one)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(found) == 1 {
		return cli.One(t, c.Output, found[0].Journey, journeyColumns)
	}
	rows := cli.NewRows(t, c.Output, journeyColumns)
	for _, one := range found {
		if err := rows.Add(one.Journey); err != nil {
			return err
		}
	}
	return rows.Close()
}
