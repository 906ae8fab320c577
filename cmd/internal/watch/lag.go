package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/teller"
	"passbook/shared/backoff"
	"passbook/shared/client"
)

// Lag prints how far each consumer is in each shard.
type Lag struct {
	Watch bool          `name:"watch" short:"w" help:"Print it again and again, until interrupted."`
	Every time.Duration `name:"every" default:"2s" placeholder:"TIME" help:"How often, with --watch [2s]."`
	Max   time.Duration `name:"max" placeholder:"TIME" help:"End with code 4 if one is further behind than this."`
	teller.Flags
}

// Help returns what the columns mean, and the example.
func (Lag) Help() string {
	return "BEHIND is the age of the oldest event that the consumer has not processed, a lower bound while nobody reads the shard; REPORTED is how long ago " +
		"its owner said so. A shard without an owner, or with an old report, is not being read. HOLES are ranges that may be lost to the consumer and are being compared with the journal.\n\nExample:\n\n  bank lag"
}

// place is where a consumer is in a shard.
type place struct {
	Consumer string `json:"consumer"`
	client.ConsumerShard
	// Quarantined counts the consumer's accounts in quarantine.
	Quarantined int `json:"quarantined"`

	seen time.Time
}

// placeColumns are the columns of a place.
var placeColumns = []cli.Column[place]{
	{Name: "at", OnlyCSV: true, Value: func(p place) any { return p.seen }},
	{Name: "consumer", Value: func(p place) any { return p.Consumer }},
	{Name: "shard", Value: func(p place) any { return p.Shard }},
	{Name: "behind", Value: func(p place) any { return seconds(float64(p.BehindSeconds)) }},
	{Name: "reported", Value: func(p place) any {
		switch {
		case p.Ended:
			return "ended"
		case p.AsOf.IsZero():
			return "never"
		}
		return seconds(p.seen.Sub(p.AsOf).Seconds())
	}},
	{Name: "position", Value: func(p place) any { return p.Position }},
	{Name: "owner", Value: func(p place) any {
		if p.Owner == "" && !p.Ended {
			return "(nobody)"
		}
		return p.Owner
	}},
	{Name: "holes", Value: func(p place) any { return p.Holes }},
	{Name: "quarantined", Value: func(p place) any { return p.Quarantined }},
}

// columns returns the columns: for people the owner is short, as a terminal is.
func (c *Lag) columns() []cli.Column[place] {
	if !c.ForPeople() {
		return placeColumns
	}
	short := slices.Clone(placeColumns)
	i := slices.IndexFunc(short, func(c cli.Column[place]) bool { return c.Name == "owner" })
	whole := short[i].Value
	short[i].Value = func(p place) any {
		host, session, found := strings.Cut(fmt.Sprint(whole(p)), "/")
		if !found {
			return host
		}
		return host + "/" + session[:min(len(session), shortSession)]
	}
	return short
}

// shortSession is how much of a process's session tells it from the others.
const shortSession = 8

// seconds returns a duration for people.
func seconds(s float64) string { return fmt.Sprintf("%.1fs", max(s, 0)) }

// wipe moves the cursor of a terminal to its first line and clears all.
const wipe = "\x1b[H\x1b[2J"

// minEvery is the shortest time between two looks.
const minEvery = 100 * time.Millisecond

// Run prints the places, once or again and again.
func (c *Lag) Run(ctx context.Context, t *cli.Terminal) error {
	if c.Every < minEvery || c.Max < 0 {
		return cli.Usage("--every is at least %v, and --max is not negative", minEvery)
	}
	s, err := teller.Connect(t, &c.Flags)
	if err != nil {
		return err
	}
	defer s.Close()
	if !c.Watch {
		places, err := look(ctx, s)
		if err == nil {
			rows := cli.NewRows(t, c.Output, c.columns())
			err = errors.Join(add(rows, places), rows.Close(), c.judge(places))
		}
		return teller.Explain(err)
	}
	return teller.Explain(c.watch(ctx, t, s))
}

// watch looks until it is interrupted: on a terminal at one table that changes, elsewhere at rows
// below each other. A bank that is away is waited for.
func (c *Lag) watch(ctx context.Context, t *cli.Terminal, s *teller.Session) (err error) {
	rows := cli.NewRows(t, c.Output, c.columns())
	repaint := t.Interactive() && c.ForPeople()
	if !repaint {
		defer func() { err = errors.Join(err, rows.Close()) }()
	}
	for first := true; ; first = false {
		places, err := look(ctx, s)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (first || !errors.As(err, new(*client.Unreachable))):
			return err
		case err != nil:
			fmt.Fprintln(t.Err, err)
		case repaint:
			fmt.Fprintf(t.Out, "%s%s   %s, every %v; Ctrl-C ends it\n\n", wipe, s.URL(), time.Now().UTC().Format(time.TimeOnly), c.Every)
			table := cli.NewRows(t, c.Output, c.columns())
			err = errors.Join(add(table, places), table.Close())
		default:
			err = errors.Join(add(rows, places), rows.Flush())
		}
		if err == nil {
			err = c.judge(places)
		}
		if err != nil && !errors.As(err, new(*client.Unreachable)) {
			return err
		}
		if backoff.Sleep(ctx, c.Every) != nil {
			return nil
		}
	}
}

// look asks the bank once.
func look(ctx context.Context, s *teller.Session) ([]place, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	got, err := s.Consumers(ctx)
	if err != nil {
		return nil, err
	}
	var places []place
	for _, consumer := range got.Consumers {
		for _, shard := range consumer.Shards {
			places = append(places, place{Consumer: consumer.Name, ConsumerShard: shard, Quarantined: len(consumer.Blocked), seen: time.Now()})
		}
	}
	return places, nil
}

// add writes places.
func add(rows *cli.Rows[place], places []place) error {
	for _, p := range places {
		if err := rows.Add(p); err != nil {
			return err
		}
	}
	return nil
}

// judge fails if a consumer is further behind than allowed.
func (c *Lag) judge(places []place) error {
	for _, p := range places {
		if c.Max > 0 && float64(p.BehindSeconds) > c.Max.Seconds() {
			return cli.Fail(cli.ExitBehind, fmt.Errorf("%s is %s behind in %s, more than %v", p.Consumer, seconds(float64(p.BehindSeconds)), p.Shard, c.Max),
				"bank doctor looks for the reason")
		}
	}
	return nil
}
