package upgrade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/writer"
)

const (
	// defaultWait bounds the wait for the writers to follow.
	defaultWait = 5 * time.Minute
	// lookEvery is how often the rows of the programs are read.
	lookEvery = time.Second
	// minSettle is how long the row names the newer format, at least, before the manifest is taken.
	// It covers every put that a writer began before it read the row, and what the index of the
	// accounts lags behind.
	minSettle = 10 * time.Second
	// settledPasses are the passes over the tail of a dead writer after which it counts as drained:
	// those of the first minute. Later ones only look for what the index showed late.
	settledPasses = 3
	// mostNamed bounds the programs that an error names.
	mostNamed = 20
)

// The errors of a bank that cannot be switched, or not be switched completely. The text names the
// programs.
var (
	// ErrOlder: a program runs that does not know the newest entry format. Nothing was changed.
	ErrOlder = errors.New("programs of an older release are running")
	// ErrUnfinished: a writer may still commit an entry of an older format. The bank serves, and
	// the next Run continues.
	ErrUnfinished = errors.New("the bank is switched, and not every program has followed")
)

// name returns one of the errors with the programs.
func name(err error, programs []string) error {
	named := programs[:min(len(programs), mostNamed)]
	text := strings.Join(named, "; ")
	if more := len(programs) - len(named); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return fmt.Errorf("%w: %s", err, text)
}

// programs are the writers and consumers of the bank, as their rows show them. It is for one
// goroutine.
type programs struct {
	config Config
	// watch has the rows by kind and name, and since when it watches.
	watch control.Watch
	since time.Time
}

func newPrograms(c Config) *programs { return &programs{config: c, since: time.Now()} }

// row is a row of a program: what it says, and what is wrong with it.
type row struct {
	name  string
	epoch int64
	// lags says what the program does that the switch cannot have, "" for nothing. stays means that
	// silence does not end it.
	lags  string
	stays bool
}

// behind returns the live programs that do not know the newest format. Of rows that would be behind
// it watches the counters for a lease: one that does not move is that of a program that ended.
func (p *programs) behind(ctx context.Context) ([]string, error) {
	if p.config.Exclusive { // every program is this one
		return nil, nil
	}
	p.config.Progress.Begin("look for older programs", "looks", 0)
	for {
		p.config.Progress.Add(1)
		rows, err := p.rows(ctx, func(w writer.Row) (string, bool) {
			if w.State != writer.Live || w.Format >= event.Format {
				return "", false
			}
			return fmt.Sprintf("writer %s writes at most format %d", describe(w), max(w.Format, 1)), false
		})
		if err != nil {
			return nil, err
		}
		lagging := p.lagging(rows)
		if len(lagging) == 0 || time.Since(p.since) >= p.config.Lease {
			return lagging, nil
		}
		if err := backoff.Sleep(ctx, min(lookEvery, p.config.Lease)); err != nil {
			return nil, fmt.Errorf("watch the programs: %w", err)
		}
	}
}

// await waits until no entry of an older format can be committed any more. Every live writer says
// in its row that it writes the newest: its last older entry is on the stream or will never be. A
// writer that is silent for a lease begins no entry any more, and a session that others drain is
// drained. And the row is old enough that every put which was begun before a writer could read it
// has ended.
func (p *programs) await(ctx context.Context) error {
	if p.config.Exclusive && !p.config.Serving { // nobody writes, and nobody can begin
		return nil
	}
	began := time.Now()
	settle := max(minSettle, p.config.Lease)
	if p.config.Exclusive { // an entry of this process is not under way anywhere else
		settle = 0
	}
	p.watch.Reset()
	p.config.Progress.Begin("wait for the writers", "looks", 0)
	for {
		p.config.Progress.Add(1)
		rows, err := p.rows(ctx, p.writes)
		if err != nil {
			return err
		}
		lagging := p.lagging(rows)
		if len(lagging) == 0 && time.Since(began) >= settle {
			return nil
		}
		if len(lagging) > 0 && time.Since(began) >= cmp.Or(p.config.Wait, defaultWait) {
			return name(ErrUnfinished, lagging)
		}
		if err := backoff.Sleep(ctx, lookEvery); err != nil {
			return fmt.Errorf("wait for the writers: %w", err)
		}
	}
}

// fence keeps consumers of an older release away from the leases: they would take what they cannot
// read for damaged.
func (p *programs) fence(ctx context.Context) error {
	names, err := p.consumers(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := consumer.Fence(ctx, p.config.Table, p.config.Stream, name); err != nil {
			return err
		}
	}
	return nil
}

// writes returns why a writer's session may still commit an entry of an older format, or "".
func (p *programs) writes(w writer.Row) (lags string, stays bool) {
	switch {
	case w.Writes >= event.Format:
		return "", false
	case w.State == writer.Live:
		return fmt.Sprintf("writer %s still writes format %d", describe(w), max(w.Writes, 1)), false
	case p.config.Exclusive || w.Pass >= settledPasses:
		return "", false
	}
	return fmt.Sprintf("what writer %s wrote before it ended is being published, by a withdraw or credit of this release, of which one must run", describe(w)), true
}

// rows reads the rows of all programs and notes their counters. writes says what is wrong with a
// writer.
func (p *programs) rows(ctx context.Context, writes func(writer.Row) (string, bool)) ([]row, error) {
	var rows []row
	writers, err := writer.List(ctx, p.config.Table)
	if err != nil {
		return nil, err
	}
	for _, w := range writers {
		lags, stays := writes(w)
		rows = append(rows, row{"writer " + w.ID, w.Epoch, lags, stays})
	}
	names, err := p.consumers(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		shards, err := consumer.Status(ctx, p.config.Table, p.config.Stream, name)
		if err != nil {
			return nil, err
		}
		for _, s := range shards {
			if s.Owner == "" {
				continue
			}
			r := row{name: "lease " + name + " " + s.Shard, epoch: s.Epoch}
			if s.Format < event.Format {
				r.lags = fmt.Sprintf("%s of %s reads at most format %d", s.Owner, name, s.Format)
			}
			rows = append(rows, r)
		}
	}
	counters := make(map[string]int64, len(rows))
	for _, r := range rows {
		counters[r.name] = r.epoch
	}
	p.watch.Observe(counters, time.Now())
	return rows, nil
}

// consumers returns the names of all consumers of the stream.
func (p *programs) consumers(ctx context.Context) ([]string, error) {
	names := slices.Clone(p.config.Consumers)
	for _, model := range p.config.Models {
		g, err := readmodel.LoadGenerations(ctx, p.config.Table, model)
		if err != nil {
			return nil, err
		}
		for _, generation := range []int64{g.Live, g.Candidate, g.Promoting, g.Previous, g.Discarding} {
			if name := readmodel.Name(model, generation); generation != 0 && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// lagging returns what is wrong with the programs that are not known to be dead, each once.
func (p *programs) lagging(rows []row) []string {
	now := time.Now()
	var all []string
	for _, r := range rows {
		if r.lags != "" && (r.stays || p.watch.Silent(r.name, now) < p.config.Lease) {
			all = append(all, r.lags)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// describe names a writer's session, and where it takes commands.
func describe(w writer.Row) string {
	if w.Address == "" {
		return w.ID
	}
	return w.ID + " at " + w.Address
}
