package readmodel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/table"
)

const (
	// generationRefresh is how old a reader's or supervisor's knowledge of the generations may be.
	generationRefresh = 500 * time.Millisecond
	// changeWithin bounds a change of the generations, with all its repetitions, and withdrawWithin
	// what tidies up after one that was cut short.
	changeWithin   = 30 * time.Second
	withdrawWithin = 5 * time.Second
)

// generationPK is the partition of the rows that name the generations, by model.
const generationPK = "generation"

var (
	// ErrGeneration: the generation is not one that this can be done to.
	ErrGeneration = errors.New("read model: wrong generation")
	// ErrNotCaughtUp: to discard the generation now would lose what another has not reached yet.
	ErrNotCaughtUp = errors.New("read model: generation not caught up")
)

// GenerationSet names the generations of a read model that exist; each has its own rows, leases and
// quarantine.
type GenerationSet struct {
	// Live is the one that readers are given.
	Live int64
	// Candidate is being rebuilt and sends no message; 0 for none.
	Candidate int64
	// Promoting is the candidate when it is about to become live, so that readers heed its rows
	// already; 0 for none.
	Promoting int64
	// Previous was live before, and goes on folding and sending until it is discarded; 0 for none.
	Previous int64
	// Discarding is the one whose workers must stop, as its rows are about to go; 0 for none.
	Discarding int64

	last int64 // the highest number ever given
	rev  int64
}

// Name is the consumer name of a generation of a model.
func Name(model string, generation int64) string {
	return model + "@" + strconv.FormatInt(generation, 10)
}

// Generations is the live generation of a model and its candidate, 0 for none.
func Generations(ctx context.Context, t table.Table, model string) (live, candidate int64, err error) {
	g, err := LoadGenerations(ctx, t, model)
	return g.Live, g.Candidate, err
}

// LoadGenerations reads the generations of a model. Before anything was promoted, generation 1 is
// live.
func LoadGenerations(ctx context.Context, t table.Table, model string) (GenerationSet, error) {
	row, err := t.Get(ctx, control.Name, table.Key{PK: generationPK, SK: model}, true)
	if errors.Is(err, table.ErrNotFound) {
		return GenerationSet{Live: 1, last: 1}, nil
	}
	if err != nil {
		return GenerationSet{}, fmt.Errorf("generations of %s: %w", model, err)
	}
	a := row.Attrs
	return GenerationSet{
		Live: a.Number("live"), Candidate: a.Number("candidate"), Promoting: a.Number("promoting"), Previous: a.Number("previous"),
		Discarding: a.Number("discarding"), last: a.Number("last"), rev: a.Number("rev"),
	}, nil
}

// changeGenerations reads the generations, changes them, and writes them if nobody else did, else
// begins again. It does so too after an error that may pass, for changeWithin in all, and then the
// error is that of the last try.
func changeGenerations(ctx context.Context, t table.Table, model string, change func(*GenerationSet) error) (GenerationSet, error) {
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	wait := backoff.Backoff{First: 10 * time.Millisecond, Most: time.Second}
	for {
		g, err := LoadGenerations(ctx, t, model)
		if err == nil {
			was := g
			if err := change(&g); err != nil || g == was {
				return g, err
			}
			g.rev++
			if err = t.Put(ctx, table.Put{Table: control.Name, Row: g.row(model), If: revIs(was.rev)}); err == nil {
				return g, nil
			}
			err = fmt.Errorf("write generations of %s: %w", model, err)
		}
		if errors.Is(err, table.ErrInvalid) || errors.Is(err, table.ErrRefused) || wait.Pause(ctx) != nil {
			return g, err
		}
	}
}

func revIs(rev int64) table.Condition {
	if rev == 0 {
		return table.Absent()
	}
	return table.Equals("rev", table.N(rev))
}

func (g GenerationSet) row(model string) table.Row {
	return table.Row{Key: table.Key{PK: generationPK, SK: model}, Attrs: table.Map{
		"live": table.N(g.Live), "candidate": table.N(g.Candidate), "promoting": table.N(g.Promoting), "previous": table.N(g.Previous),
		"discarding": table.N(g.Discarding), "last": table.N(g.last), "rev": table.N(g.rev),
	}}
}

// StartCandidate adds a candidate generation and returns its number, or that of the candidate that
// there is already. While the generation before the live one is not discarded, it is ErrGeneration.
func StartCandidate(ctx context.Context, t table.Table, model string) (int64, error) {
	g, err := changeGenerations(ctx, t, model, func(g *GenerationSet) error {
		switch {
		case g.Previous != 0:
			return fmt.Errorf("%s: generation %d is still there: replay discard --model %s removes it: %w", model, g.Previous, model, ErrGeneration)
		case g.Candidate == 0:
			g.last++
			g.Candidate = g.last
		}
		return nil
	})
	return g.Candidate, err
}

// Promote makes a generation live: the candidate, which takes a second, or, to go back, the one
// that was live before. The one that was live becomes the previous one. Done twice it is done once,
// interrupted it is done again; any other generation is ErrGeneration. A generation that is not
// live when Promote fails is not promoting either, unless the store cannot be reached.
//
// No reader of any process sees an account's version go back. Readers know the generations by heart
// for half a second, so those of two processes may give rows of two generations. Where both heed
// the other's row, and wait until theirs is not behind it, that does no harm, and after the flip
// they all do. Before it none would: the candidate may be ahead, and its row be given before the
// old one. So the candidate is promoting first, until every reader heeds its rows, and live then.
func Promote(ctx context.Context, t table.Table, model string, generation int64) error {
	err := announce(ctx, t, model, generation)
	if err == nil {
		err = flip(ctx, t, model, generation)
	}
	if err != nil {
		err = errors.Join(err, withdraw(ctx, t, model, generation))
		return fmt.Errorf("promote %s: %w", Name(model, generation), err)
	}
	return nil
}

// announce makes a candidate promoting and waits until every reader has heard of it.
func announce(ctx context.Context, t table.Table, model string, generation int64) error {
	g, err := changeGenerations(ctx, t, model, func(g *GenerationSet) error {
		if generation == g.Candidate && generation != g.Discarding {
			g.Promoting = generation
		}
		return nil
	})
	if err == nil && g.Promoting != 0 && generation == g.Promoting {
		err = backoff.Sleep(ctx, 2*generationRefresh)
	}
	return err
}

// flip makes the promoting generation live, or the previous one.
func flip(ctx context.Context, t table.Table, model string, generation int64) error {
	_, err := changeGenerations(ctx, t, model, func(g *GenerationSet) error {
		switch {
		case generation == g.Live:
			return nil
		case generation == g.Discarding:
			return fmt.Errorf("it is being discarded: %w", ErrGeneration)
		case generation != 0 && generation == g.Promoting:
			g.Candidate, g.Promoting = 0, 0
		case generation == 0 || generation != g.Previous:
			return ErrGeneration
		}
		g.Live, g.Previous = generation, g.Live
		return nil
	})
	return err
}

// withdraw undoes announce, so that readers do not go on heeding a generation that nobody promotes.
// It does so also when ctx has ended.
func withdraw(ctx context.Context, t table.Table, model string, generation int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawWithin)
	defer cancel()
	_, err := changeGenerations(ctx, t, model, func(g *GenerationSet) error {
		if g.Promoting == generation {
			g.Promoting = 0
		}
		return nil
	})
	return err
}

// heeded is the generation whose rows readers hold the live ones against; 0 for none.
func (g GenerationSet) heeded() int64 { return cmp.Or(g.Previous, g.Promoting) }

// generationCache is what a reader knows of the generations, half a second old at most.
type generationCache struct {
	table table.Table
	model string

	mu   sync.Mutex
	set  GenerationSet
	read time.Time
}

func (c *generationCache) get(ctx context.Context) (GenerationSet, error) {
	c.mu.Lock()
	set, read := c.set, c.read
	c.mu.Unlock()
	if !read.IsZero() && time.Since(read) < generationRefresh {
		return set, nil
	}
	began := time.Now()
	set, err := LoadGenerations(ctx, c.table, c.model)
	if err != nil {
		return set, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if set.rev >= c.set.rev {
		c.set, c.read = set, began
	}
	return c.set, nil
}
