package affinity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/telemetry"
	"passbook/shared/writer"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/backoff"
)

const (
	// hopMost is the longest that a command waits for its owner. It waits for at most half of its
	// time: the other half is for deciding it here.
	hopMost = 2 * time.Second
	// hopLeast is the shortest time that is worth a hop.
	hopLeast = 50 * time.Millisecond
	// passFirst and passMost bound how long an owner that failed is skipped: the first time, and
	// what doubling ends at.
	passFirst = time.Second
	passMost  = 30 * time.Second
)

// ErrUndone: the owner surely did nothing with the command.
var ErrUndone = errors.New("affinity: the owner did nothing")

// errAccount: the owner did nothing, for a reason that may be the account's alone: its time is
// ahead of the clock, or an entry of it cannot be read.
var errAccount = fmt.Errorf("%w with this account", ErrUndone)

// Config is what a Router needs. Fleet and Send are required.
type Config struct {
	// Fleet returns the id of this writer, empty where it takes no commands from others, and the
	// others; it is Journal.Fleet.
	Fleet func() (self string, others []writer.Peer)
	// Send sends a command to another writer. Its error is ErrUndone where that writer surely did
	// nothing.
	Send func(ctx context.Context, to writer.Peer, f api.Forwarded) (api.Answer, error)
	// Metrics takes the collectors; nil means none.
	Metrics prometheus.Registerer
	// Log takes owners that fail; nil drops them.
	Log *slog.Logger
}

// Router sends commands to the writers that own their accounts. It is safe for concurrent use.
type Router struct {
	config Config
	hops   *prometheus.CounterVec

	mu    sync.Mutex
	known map[string]*answers // by writer
}

// answers is how a writer has answered.
type answers struct {
	answered, failed time.Time // the last time of each
	failures         int       // in a row
	until            time.Time // when it is no longer skipped
}

// New returns a Router.
func New(c Config) *Router {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Router{config: c, known: make(map[string]*answers), hops: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: telemetry.Namespace, Name: "forwarded_commands_total",
		Help: "Commands sent to the writer of their account, by outcome: answered (there), undone (decided here), lost (decided here with the same key).",
	}, []string{"outcome"})}
	for _, o := range []api.Outcome{api.Answered, api.Undone, api.Lost} {
		r.hops.WithLabelValues(o.String())
	}
	if c.Metrics != nil {
		c.Metrics.MustRegister(r.hops)
	}
	return r
}

// Forward lets the account's owner answer a command. After Undone this writer decides the command.
// After Lost it does so too, with the same key, as the owner may have decided it or may still
// decide it.
func (r *Router) Forward(ctx context.Context, a event.Account, command func() api.Forwarded) (answer api.Answer, o api.Outcome) {
	o = r.Reach(ctx, a, func(ctx context.Context, to writer.Peer) (err error) {
		answer, err = r.config.Send(ctx, to, command())
		return err
	})
	return answer, o
}

// Elsewhere reports whether the account belongs to another writer now.
func (r *Router) Elsewhere(a event.Account) bool {
	self, others := r.config.Fleet()
	if len(others) == 0 {
		return false
	}
	_, elsewhere := r.owner(self, others, a)
	return elsewhere
}

// Reach calls ask with the account's owner, if that is another writer, within a part of the time
// that ctx leaves.
func (r *Router) Reach(ctx context.Context, a event.Account, ask func(ctx context.Context, to writer.Peer) error) api.Outcome {
	self, others := r.config.Fleet()
	if len(others) == 0 {
		return api.Undone
	}
	to, elsewhere := r.owner(self, others, a)
	hop := hopMost
	if ends, ok := ctx.Deadline(); ok {
		hop = min(hop, time.Until(ends)/2)
	}
	if !elsewhere || hop < hopLeast || !r.mayAsk(to) {
		return api.Undone
	}
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, hop)
	err := ask(bounded, to)
	cancel()
	outcome := api.Lost
	switch {
	case err == nil:
		outcome = api.Answered
	case errors.Is(err, ErrUndone):
		outcome = api.Undone
	}
	r.hops.WithLabelValues(outcome.String()).Inc()
	if ctx.Err() == nil { // else the caller gave up, which says nothing about the owner
		r.noteOutcome(to, began, err)
	}
	return outcome
}

// owner returns the account's owner among this writer and those others that are not skipped now;
// elsewhere is false where it is this one.
func (r *Router) owner(self string, others []writer.Peer, a event.Account) (to writer.Peer, elsewhere bool) {
	account := hash(a.String())
	var best uint64
	if self != "" {
		best = weight(self, account)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, p := range others {
		if k := r.known[p.ID]; k != nil && now.Before(k.until) {
			continue
		}
		if w := weight(p.ID, account); w > best || !elsewhere && self == "" {
			best, to, elsewhere = w, p, true
		}
	}
	return to, elsewhere
}

// mayAsk reports whether the owner may be asked. An owner that failed is tried by one command at a
// time.
func (r *Router) mayAsk(to writer.Peer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.known[to.ID]
	if k == nil || k.failures == 0 {
		return true
	}
	now := time.Now()
	if now.Before(k.until) {
		return false
	}
	k.until = now.Add(hopMost)
	return true
}

// noteOutcome notes the result of asking a writer.
func (r *Router) noteOutcome(to writer.Peer, began time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	k := r.known[to.ID]
	if k == nil {
		r.forget(now)
		k = &answers{}
		r.known[to.ID] = k
	}
	if err == nil {
		if k.failures > 0 {
			r.config.Log.Info("the writer answers again", "writer", to.ID, "address", to.Address)
		}
		k.answered, k.failures, k.until = now, 0, time.Time{}
		return
	}
	slow := errors.Is(err, context.DeadlineExceeded) && k.answered.After(began)
	refused := errors.Is(err, errAccount) && now.Sub(k.answered) < passFirst
	if k.failed.After(began) || slow || refused {
		return // it is noted already, or only one account fails
	}
	pass := backoff.Of(passFirst, passMost, k.failures)
	k.failed, k.until = now, now.Add(pass)
	k.failures++
	r.config.Log.Warn("another writer does not answer; deciding the commands of its accounts here for a while",
		"writer", to.ID, "address", to.Address, "error", err, "for", pass.Round(time.Millisecond))
}

// forget drops the writers that were not asked for a long time: they are gone, and their ids do not
// come back.
func (r *Router) forget(now time.Time) {
	for id, k := range r.known {
		if now.Sub(k.answered) > 2*passMost && now.Sub(k.until) > 2*passMost {
			delete(r.known, id)
		}
	}
}
