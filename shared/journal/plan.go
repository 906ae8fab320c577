package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal/keyindex"
	"passbook/shared/telemetry/trace"
)

// plan is a batch that is decided and not yet committed: the contents of the entry, and the answer
// to each command.
type plan struct {
	lane *lane
	moment
	state    account.State // after the planned events
	commands []event.Command
	causes   []*trace.Span // of some of the commands
	events   []event.Event
	outcomes []outcome      // of the batch's first commands, in order
	keyed    map[string]int // nil where the plan is of one command
	declines int
	bytes    int
	// shared says that the plan is made in a round, where it must not make a call; calls, that it
	// would have to, and is of no use.
	shared, calls bool
	// entry is set by the commit, and read is the entry that was read last to find an answer.
	entry, read *event.Entry
	// unconfirmed says that an outcome depends on the lane's state alone, which may not be the
	// newest.
	unconfirmed bool
}

// outcome is the result of a command: a command of the plan, or a receipt, or an error.
type outcome struct {
	pending  *Pending
	command  int // index in plan.commands, -1 when none
	replayed bool
	receipt  *Receipt
	err      error
}

// plan decides the batch's commands one after another on the evolving state, as many as one entry
// has room for.
func (l *lane) plan(batch []*Pending, m moment) *plan {
	pl := &plan{lane: l, moment: m, state: l.state}
	pl.decideAll(batch)
	return pl
}

// decideAll decides commands of a batch until the entry has no room for more.
func (pl *plan) decideAll(batch []*Pending) {
	pl.outcomes = make([]outcome, 0, len(batch))
	pl.commands = make([]event.Command, 0, len(batch))
	pl.events = make([]event.Event, 0, len(batch))
	if len(batch) > 1 {
		pl.keyed = make(map[string]int, len(batch))
	}
	most := event.MaxEntryBytes - planMargin - holdBytes*len(pl.state.Holds)
	for _, p := range batch {
		if pl.bytes > most || pl.calls {
			break
		}
		o := pl.decide(&p.Command)
		o.pending = p
		pl.outcomes = append(pl.outcomes, o)
	}
}

// decide checks a command in this order: whether its key was seen, whether anything may be
// committed, If-Match, the rules.
func (pl *plan) decide(c *Command) outcome {
	if c.Key != "" {
		if o, seen := pl.replay(c); seen {
			return o
		}
	}
	if pl.refusal != nil {
		return outcome{command: -1, err: pl.refusal}
	}
	if c.IfMatch != 0 && c.IfMatch != pl.state.Version && pl.state.Version != 0 {
		return pl.reject(versionMismatch(c.IfMatch, pl.state.Version))
	}
	d := c.Decide(pl.state, pl.now)
	if d.Rejection != nil {
		return pl.reject(d.Rejection)
	}
	if c.IfMatch != 0 && pl.state.Version == 0 { // the account is about to be opened
		return pl.reject(versionMismatch(c.IfMatch, 0))
	}
	if len(d.Events) == 0 {
		pl.unconfirmed = true // an entry that this lane has not seen may have emitted what is due
		return outcome{command: -1, receipt: &Receipt{Account: c.Account, Version: pl.state.Version}}
	}
	return pl.accept(c, d.Events)
}

// replay finds the first answer to the command's key, among the planned commands and the committed
// ones.
func (pl *plan) replay(c *Command) (outcome, bool) {
	if i, ok := pl.keyed[c.Key]; ok {
		if pl.commands[i].Request != c.Request {
			return pl.reject(&account.Rejection{Code: account.CodeKeyReused}), true
		}
		return outcome{command: i, replayed: true}, true
	}
	if e := c.DryRun.Entry(c.Account, c.Key); e != nil {
		return pl.rehearsed(c, e), true
	}
	if _, found := pl.lane.keys.Find(c.Key); found == keyindex.Unused || pl.shared {
		pl.calls = pl.calls || found != keyindex.Unused
		return outcome{command: -1}, found != keyindex.Unused
	}
	r, seen, err := pl.seen(c)
	if err != nil {
		return outcome{command: -1, err: err}, true
	}
	return outcome{command: -1, receipt: &r}, seen
}

func versionMismatch(expected, actual int64) *account.Rejection {
	return &account.Rejection{Code: account.CodeVersionMismatch, Details: map[string]any{"expected": expected, "actual": actual}}
}

func (pl *plan) reject(r *account.Rejection) outcome {
	pl.unconfirmed = true
	return outcome{command: -1, receipt: &Receipt{Account: pl.lane.account, Rejection: r, Version: pl.state.Version}}
}

// accept adds a command and its events to the plan.
func (pl *plan) accept(c *Command, events []event.Event) outcome {
	status := c.Status
	if _, declined := events[len(events)-1].Body.(event.WithdrawalDeclined); declined {
		status = 422
		if pl.lane.declinesIn(pl.clock)+pl.declines >= MaxDeclines {
			return outcome{command: -1, err: ErrRateLimited}
		}
		pl.declines++
	}
	i, s := len(pl.commands), pl.state
	for k := range events {
		events[k].Command = i
		var err error
		if s, err = account.Fold(s, events[k]); err != nil {
			panic(fmt.Sprintf("journal: a decision does not fold: %v", err)) // the rules and the fold disagree, so nothing may be stored
		}
		pl.bytes += len(events[k].Data) + 200
	}
	pl.state = s
	pl.events = append(pl.events, events...)
	pl.commands = append(pl.commands, event.Command{
		Key: c.Key, Request: c.Request, CorrelationID: c.CorrelationID, Actor: c.Actor,
		First: events[0].Version, Last: s.Version, Status: status,
	})
	pl.bytes += len(c.Key) + len(c.CorrelationID) + 160
	if c.Cause != nil {
		pl.causes = append(pl.causes, c.Cause)
	}
	if c.Key != "" && pl.keyed != nil {
		pl.keyed[c.Key] = i
	}
	return outcome{command: i}
}

// answer gives every caller the result of its command.
func (pl *plan) answer() {
	for _, o := range pl.outcomes {
		switch {
		case o.err != nil:
			o.pending.fail(o.err)
		case o.command >= 0:
			if o.replayed {
				pl.lane.journal.metrics.replays.Inc()
			}
			o.pending.answer(Receipt{
				Account: pl.lane.account, Entry: pl.entry, Command: pl.entry.Commands[o.command],
				Replayed: o.replayed, Version: pl.entry.Commands[o.command].Last,
			})
		default:
			o.pending.answer(*o.receipt)
		}
	}
}

// seen finds the first answer to a committed command with the key, by reading its entry. Repeated
// commands of one batch are often of one entry, which is read once.
func (pl *plan) seen(c *Command) (Receipt, bool, error) {
	l := pl.lane
	ctx, cancel := context.WithTimeout(l.journal.ctx, readDeadline)
	defer cancel()
	version, used, err := l.journal.pages.Find(ctx, l.account, &l.keys, c.Key)
	if err != nil {
		return Receipt{}, false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if !used {
		return Receipt{}, false, nil
	}
	e := pl.read
	if e == nil || version < e.First || version > e.Last {
		if e, err = l.journal.Entry(ctx, l.account, version); err != nil {
			return Receipt{}, false, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		pl.read = e
	}
	i := slices.IndexFunc(e.Commands, func(first event.Command) bool { return first.Key == c.Key })
	if i < 0 {
		return Receipt{}, false, nil
	}
	first := e.Commands[i]
	if first.Request != c.Request {
		return Receipt{Account: l.account, Rejection: &account.Rejection{Code: account.CodeKeyReused}, Version: l.state.Version}, true, nil
	}
	if c.DryRun == nil {
		l.journal.metrics.replays.Inc()
	}
	return Receipt{Account: l.account, Entry: e, Command: first, Replayed: true, Version: first.Last}, true, nil
}

// declinesIn returns how many declines were committed in the minute of now, by this machine's
// clock: the account's time may not advance.
func (l *lane) declinesIn(now time.Time) int {
	if passed := now.Sub(l.declinesFrom); passed >= time.Minute || passed < 0 {
		return 0
	}
	return l.declines
}

// commit puts the plan as one entry and applies it to the lane.
func (l *lane) commit(pl *plan) error {
	staged, err := l.stage(pl)
	if err != nil {
		return err
	}
	return l.conclude(pl, staged, l.journal.write([]*staging{staged}, nil))
}

// conclude applies a plan to the lane if the write of its entry succeeded, and else returns why
// not.
func (l *lane) conclude(pl *plan, staged *staging, err error) error {
	switch {
	case err == nil:
		l.apply(pl, staged)
		return nil
	case errors.Is(err, errConflict):
		return l.catchUp()
	}
	l.loaded = false
	return err
}

// apply makes a committed plan's state the lane's and hands its entry to the outbox.
func (l *lane) apply(pl *plan, st *staging) {
	l.journal.config.Outbox.Publish(l.advance(pl, st))
}

// advance makes a committed plan's state the lane's and returns its entry for the outbox.
func (l *lane) advance(pl *plan, st *staging) Committed {
	pl.entry = st.entry
	l.state, l.head = pl.state, st.entry.Hash
	l.keys.Add(st.entry)
	if pl.declines > 0 {
		if l.declines = l.declinesIn(pl.clock) + pl.declines; l.declines == pl.declines { // the first of a minute
			l.declinesFrom = pl.clock
		}
	}
	return Committed{Account: l.account, Record: st.record, Hash: st.entry.Hash, Writer: st.entry.Writer, N: st.entry.N}
}
