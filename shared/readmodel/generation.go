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
	// generationRefresh bounds the age of what a reader or a Projector knows of the generations.
	generationRefresh = 500 * time.Millisecond
	// changeTimeout bounds a change of the generations with all its retries, and cancelTimeout the
	// clean-up after one that was interrupted.
	changeTimeout = 30 * time.Second
	cancelTimeout = 5 * time.Second
)

var (
	// ErrGeneration is the error of an operation that the state of the generation does not allow.
	ErrGeneration = errors.New("read model: the generation does not allow this")
	// ErrNotCaughtUp is the error of a discard that would lose what another generation has not
	// reached yet.
	ErrNotCaughtUp = errors.New("read model: generation not caught up")
)

// GenerationSet names the generations of a read model that exist. Each has its own rows, leases and
// quarantine.
type GenerationSet struct {
	// Live is the one whose rows readers get.
	Live int64
	// Candidate is being rebuilt and sends no message; 0 for none.
	Candidate int64
	// Promoting is the candidate while it is about to become live: readers already wait for its
	// rows. 0 for none.
	Promoting int64
	// Previous was live before. It is kept up to date, and sends its messages, until it is
	// discarded; 0 for none.
	Previous int64
	// Discarding is the one whose workers must stop, as its rows are about to be deleted; 0 for
	// none.
	Discarding int64

	last int64 // the highest number ever given
	rev  int64
}

// Name returns the consumer name of a generation of a model, such as "balance@1".
func Name(model string, generation int64) string {
	return model + "@" + strconv.FormatInt(generation, 10)
}

// Generations returns the live generation of a model and its candidate, 0 for none.
func Generations(ctx context.Context, t table.Table, model string) (live, candidate int64, err error) {
	g, err := LoadGenerations(ctx, t, model)
	return g.Live, g.Candidate, err
}

// LoadGenerations returns the generations of a model. Before the first promotion, generation 1 is
// live.
func LoadGenerations(ctx context.Context, t table.Table, model string) (GenerationSet, error) {
	row, err := control.Generations(t).Get(ctx, model)
	if errors.Is(err, table.ErrNotFound) {
		return GenerationSet{Live: 1, last: 1}, nil
	}
	if err != nil {
		return GenerationSet{}, fmt.Errorf("read the generations of %s: %w", model, err)
	}
	a := row.Attrs
	return GenerationSet{
		Live: a.Number("live"), Candidate: a.Number("candidate"), Promoting: a.Number("promoting"), Previous: a.Number("previous"),
		Discarding: a.Number("discarding"), last: a.Number("last"), rev: a.Number("rev"),
	}, nil
}

func (g GenerationSet) attrs() table.Map {
	return table.Map{
		"live": table.N(g.Live), "candidate": table.N(g.Candidate), "promoting": table.N(g.Promoting), "previous": table.N(g.Previous),
		"discarding": table.N(g.Discarding), "last": table.N(g.last), "rev": table.N(g.rev),
	}
}

// changeGenerations reads the generations, applies change and writes the result, and begins again
// if another process wrote them first. It retries errors that may pass for changeTimeout in all,
// and then returns the last one. An error of change is returned at once.
func changeGenerations(ctx context.Context, t table.Table, model string, change func(*GenerationSet) error) (GenerationSet, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
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
			if err = control.Generations(t).Put(ctx, model, g.attrs(), control.Revision(was.rev)); err == nil {
				return g, nil
			}
			err = fmt.Errorf("write the generations of %s: %w", model, err)
		}
		if errors.Is(err, table.ErrInvalid) || errors.Is(err, table.ErrRefused) || wait.Pause(ctx) != nil {
			return g, err
		}
	}
}

// StartCandidate adds a candidate generation and returns its number, or the number of the candidate
// that exists. While the previous generation is not discarded, it returns ErrGeneration. Before a
// program can see the candidate, reserve is called with the name of its consumer, perhaps more than
// once; nil does nothing.
func StartCandidate(ctx context.Context, t table.Table, model string, reserve func(ctx context.Context, consumer string) error) (int64, error) {
	g, err := changeGenerations(ctx, t, model, func(g *GenerationSet) error {
		switch {
		case g.Previous != 0:
			return fmt.Errorf("generation %d of %s is not discarded yet; remove it with replay discard --model %s: %w",
				g.Previous, model, model, ErrGeneration)
		case g.Candidate == 0:
			g.last++
			g.Candidate = g.last
			if reserve != nil {
				return reserve(ctx, Name(model, g.Candidate))
			}
		}
		return nil
	})
	return g.Candidate, err
}

// Promote makes a generation live: the candidate, which takes a second, or, to go back, the
// previous one. The one that was live becomes the previous one. Any other generation is
// ErrGeneration. Promote may be repeated, also after it was interrupted. When it fails, the
// generation is neither live nor promoting, unless the store cannot be reached.
//
// No reader of any process sees an account's version go back. Readers cache the generations for
// generationRefresh, so readers of two processes may return rows of two generations. That is
// harmless if each also reads the other's row and waits until its own is not behind it, and after
// the switch they all do. Before it none would: the candidate may be ahead, and its row be returned
// by one process before another still returns the old one. So the candidate is first promoting,
// until every reader waits for its rows, and then live.
func Promote(ctx context.Context, t table.Table, model string, generation int64) error {
	err := startPromoting(ctx, t, model, generation)
	if err == nil {
		err = switchLive(ctx, t, model, generation)
	}
	if err != nil {
		err = errors.Join(err, cancelPromoting(ctx, t, model, generation))
		return fmt.Errorf("promote %s: %w", Name(model, generation), err)
	}
	return nil
}

// startPromoting marks a candidate as promoting and waits until every reader knows that.
func startPromoting(ctx context.Context, t table.Table, model string, generation int64) error {
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

// switchLive makes the promoting generation live, or the previous one.
func switchLive(ctx context.Context, t table.Table, model string, generation int64) error {
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

// cancelPromoting undoes startPromoting, so that readers do not wait for a generation that is not
// promoted. It also works when ctx has ended.
func cancelPromoting(ctx context.Context, t table.Table, model string, generation int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer cancel()
	_, err := changeGenerations(ctx, t, model, func(g *GenerationSet) error {
		if g.Promoting == generation {
			g.Promoting = 0
		}
		return nil
	})
	return err
}

// fence returns the generation that the rows of the live one must not be behind when they are read;
// 0 for none.
func (g GenerationSet) fence() int64 { return cmp.Or(g.Previous, g.Promoting) }

// generationCache caches the generations of a model for a reader. It may be used concurrently.
type generationCache struct {
	table table.Table
	model string

	mu   sync.Mutex
	set  GenerationSet
	read time.Time
}

// get returns the generations, at most generationRefresh old.
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
