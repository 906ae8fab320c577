package eventtable

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"passbook/shared/backoff"
)

const (
	// silentRounds is after how many rounds without a commit of another process this one works.
	silentRounds = 3
	// firstRetry is the first pause after a failure.
	firstRetry = 5 * time.Second
	// endMost bounds the batch that is running when a process is told to end.
	endMost = 20 * time.Second
)

// Versioned is a table of which the newest version is known.
type Versioned interface {
	Replaceable
	// Location names the newest version, and Rows is how many rows it has.
	Location() string
	Rows() int64
}

// RoundsConfig configures Rounds. All is required.
type RoundsConfig struct {
	// Every is the time between two rounds.
	Every time.Duration
	// Open opens the table in its newest version.
	Open func(ctx context.Context) (Versioned, error)
	// Run adds to the table what is new. Once ending is closed it ends after the part that it adds.
	Run func(ctx context.Context, to Versioned, ending <-chan struct{}) (Result, error)
	Now func() time.Time
	Log *slog.Logger
}

// Rounds keep a table up to date: a run every few minutes. Of several processes one works and the
// others wait, without a lease beside the table: each commit makes a new version, and a process
// that sees a version which it did not make leaves the table to the other until no version has come
// for three rounds. Two that begin at once are told apart by the first commit, which fails for one.
type Rounds struct {
	config RoundsConfig

	// version is the newest one that this process has seen, "" for none; silent is for how many
	// rounds another process has not followed it, and waits that one is at work.
	version string
	silent  int
	waits   bool

	mu    sync.Mutex
	state RoundsState
}

// RoundsState is how far Rounds are.
type RoundsState struct {
	// Works is whether this process did the newest round; Rows are of the table in it.
	Works bool
	Rows  int64
	// Begun is when the newest run began that read all of the archive, and Ended when it ended;
	// zero for none. Last is its result.
	Begun, Ended time.Time
	Last         Result
	// Fault is why the newest round failed; nil if it did not.
	Fault error
}

// NewRounds returns Rounds.
func NewRounds(c RoundsConfig) *Rounds { return &Rounds{config: c} }

// State returns how far the rounds are.
func (r *Rounds) State() RoundsState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Run does rounds until ctx ends, and completes the part of a round that is running then. What
// fails is tried again after a pause, which grows up to the time between rounds.
func (r *Rounds) Run(ctx context.Context) {
	retry := backoff.Backoff{First: min(firstRetry, r.config.Every), Most: r.config.Every}
	for {
		pause := r.config.Every
		err := r.round(ctx)
		if err != nil && ctx.Err() == nil {
			r.config.Log.Warn("the table is behind the archive; it is tried again", "error", err)
			pause = retry.Next()
		} else {
			retry.Reset()
		}
		if backoff.Sleep(ctx, pause) != nil {
			return
		}
	}
}

// round does a round, unless another process does it.
func (r *Rounds) round(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		_ = backoff.Sleep(running, endMost) // it ends with the round, or with the time
		stop()
	})()
	began := r.config.Now()
	t, err := r.config.Open(running)
	if err != nil {
		r.note(func(s *RoundsState) { s.Fault = err })
		return err
	}
	if r.isOthers(t.Location()) {
		r.note(func(s *RoundsState) { s.Works, s.Rows, s.Fault = false, t.Rows(), nil })
		return nil
	}
	result, err := r.config.Run(running, t, ctx.Done())
	if errors.Is(err, ErrConflict) {
		r.waits, r.silent = true, 0
		r.note(func(s *RoundsState) { s.Works, s.Fault = false, nil })
		return nil
	}
	r.version, r.waits = t.Location(), false
	r.note(func(s *RoundsState) {
		s.Works, s.Rows, s.Fault = true, t.Rows(), err
		if err == nil && ctx.Err() == nil {
			s.Begun, s.Ended, s.Last = began, r.config.Now(), result
		}
	})
	return err
}

// isOthers notes the newest version, and reports whether another process works on the table.
func (r *Rounds) isOthers(version string) bool {
	moved := r.version != "" && version != r.version
	r.version = version
	switch {
	case moved:
		r.waits, r.silent = true, 0
	case r.waits:
		r.silent++
		r.waits = r.silent < silentRounds
	}
	return r.waits
}

// note changes the state.
func (r *Rounds) note(change func(*RoundsState)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.state)
}
