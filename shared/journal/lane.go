package journal

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal/keyindex"
	"passbook/shared/table"
)

// An entry's JSON with its state is at most event.MaxEntryBytes. A lane adds no more commands at
// planMargin before that, which allows for the error of its estimate, and at holdBytes for each
// hold in the state: a full state has 500 in 64 KB. In memory a hold counts as holdKeys keys.
const (
	planMargin = 24 << 10
	holdBytes  = (64 << 10) / 500
	holdKeys   = holdBytes / keyindex.KeyBytes
)

// lane is one account in this writer: its queue, and what the writer knows of the account. The lock
// of the shard guards queue, running and rest. Everything else belongs to the one goroutine that
// runs the lane.
type lane struct {
	journal *Journal
	shard   *laneShard
	account event.Account

	queue   []*Pending
	running bool
	rest    *list.Element
	again   func() // starts the lane: the same one each time, as each would be an allocation

	loaded bool
	state  account.State
	head   event.Hash
	keys   keyindex.Index
	// declines counts the declines committed in the minute that began at declinesFrom.
	declines     int
	declinesFrom time.Time
	// left is what the last entry had no room for.
	left []*Pending
	// pausing says that the outbox has asked for a pause, which is over when the lane is started.
	pausing bool
}

// run runs the lane outside of the rounds. One that only had to be loaded then takes part in them.
func (l *lane) run() {
	if r := l.journal.rounds; r != nil && !l.loaded && l.load() == nil {
		r.add(l)
		return
	}
	l.work(nil, nil) // which loads again, and answers with why that failed
}

// alone has the lane run alone, on another goroutine, and begin with a batch that it has taken,
// and with the first put of the batch's entry, if a round has made it.
func (l *lane) alone(batch []*Pending, put *attempt) {
	l.journal.pool.Go(func() { l.work(batch, put) })
}

// work works through the batch and the queue until that is empty, the lane can take part in rounds,
// or the outbox asks for a pause.
func (l *lane) work(batch []*Pending, put *attempt) {
	for {
		if len(batch) == 0 {
			var ok bool
			if batch, ok = l.next(); !ok {
				return
			}
		}
		switch {
		case len(batch) == 0:
		case batch[0].exclusive != nil:
			batch[0].exclusive(l)
		default:
			l.left = l.process(batch, put)
		}
		batch, put = nil, nil
		if !l.shard.continues(l, len(l.left) > 0) {
			return
		}
		if l.journal.rounds.takes(l) {
			l.journal.rounds.add(l)
			return
		}
	}
}

// next returns what is to be decided next, without the commands whose callers have given up. It
// returns false where the lane pauses: commands that come until it is started again share the next
// entry.
func (l *lane) next() (batch []*Pending, ok bool) {
	if batch, l.left = l.left, nil; len(batch) > 0 {
		return batch, true
	}
	if l.paced() {
		return nil, false
	}
	return l.claimAll(l.shard.take(l, event.MaxCommands)), true
}

// paced reports whether the lane is started again later, as the outbox has too much of its account.
// After a pause it takes what has come, so that an outage of the stream does not stop the account.
// A journal that is given up waits no more. From Pace on, another goroutine may run the lane.
func (l *lane) paced() bool {
	l.pausing = !l.pausing && l.journal.ctx.Err() == nil
	if l.pausing && l.journal.config.Outbox.Pace(l.account, l.again) {
		return true
	}
	l.pausing = false
	return false
}

// claimAll returns the commands whose callers have not given up.
func (l *lane) claimAll(batch []*Pending) []*Pending {
	return slices.DeleteFunc(batch, func(p *Pending) bool { return !p.claim() })
}

// process decides a batch, commits it as one entry, and answers it. After a conflict with another
// writer it decides again. put is a first attempt that a round has made, nil for none. It returns
// the commands that the entry had no room for.
func (l *lane) process(batch []*Pending, put *attempt) (left []*Pending) {
	most := len(batch)
	for range maxAttempts {
		pl, err := l.try(batch[:most], put)
		put = nil
		if errors.Is(err, errConflict) {
			l.journal.metrics.conflicts.Inc()
			continue
		}
		if errors.Is(err, event.ErrTooLarge) {
			if most = len(pl.outcomes) / 2; most == 0 {
				batch[0].fail(err)
				return batch[1:]
			}
			continue
		}
		if err != nil {
			failAll(batch, err)
			return nil
		}
		pl.answer()
		l.journal.pages.SaveAll(l.journal.ctx, l.account, &l.keys)
		return batch[len(pl.outcomes):]
	}
	failAll(batch, ErrContention)
	return nil
}

// attempt is a put of a batch's entry that was made once.
type attempt struct {
	plan    *plan
	staging *staging
	started time.Time
	err     error
}

// try decides a batch and commits or confirms it, or continues what a round has begun. The plan is
// nil where the account could not be read.
func (l *lane) try(batch []*Pending, put *attempt) (*plan, error) {
	if put != nil {
		err := l.journal.settle([]*staging{put.staging}, []table.Put{put.staging.put}, put.started, put.err)
		return put.plan, l.conclude(put.plan, put.staging, err)
	}
	m, err := l.prepare()
	if err != nil {
		return nil, err
	}
	pl := l.plan(batch, m)
	switch {
	case len(pl.events) > 0:
		err = l.commit(pl)
	case pl.unconfirmed && !m.fresh:
		err = l.confirm()
	}
	return pl, err
}

func failAll(batch []*Pending, err error) {
	for _, p := range batch {
		p.fail(err)
	}
}

// errConflict: another writer committed first; the lane has read its entries.
var errConflict = errors.New("journal: another writer was first")

// prepare loads the account and its keys where the lane does not know them, and returns the moment
// to decide at. It notes an account that is ahead of the clock.
func (l *lane) prepare() (moment, error) {
	m, err := l.observe()
	l.noteAhead(m)
	return m, err
}

// observe does what prepare does, and notes nothing.
func (l *lane) observe() (moment, error) {
	fresh := !l.loaded || l.keys.TooShort(l.journal.config.Now())
	if fresh {
		if err := l.load(); err != nil {
			return moment{}, fmt.Errorf("%w: load %s: %w", ErrUnavailable, l.account, err)
		}
	}
	m := l.moment()
	if m.fresh = fresh; m.ahead > MaxAhead {
		if err := l.accepted(m.ahead); err != nil {
			m.refusal = err
		}
	}
	return m, nil
}

// load reads the account from the journal, and its keys of the last 24 hours.
func (l *lane) load() error {
	ctx, cancel := context.WithTimeout(l.journal.ctx, loadDeadline)
	defer cancel()
	head, err := l.journal.Head(ctx, l.account)
	if err != nil {
		return err
	}
	keys, err := l.journal.pages.Load(ctx, l.account, head.State.Version, head.State.RecordedAt)
	if err != nil {
		return err
	}
	l.state, l.head, l.keys = head.State, head.Hash, keys
	err = l.publishForeign(ctx)
	l.loaded = err == nil
	return err
}

// publishForeign hands the outbox those of the account's last entries that other writers committed
// and may not have published, so that the stream does not get this writer's entries before them.
// Where one is published, those before it are too, so it reads back to one that is too old, or that
// is published by what the writers' rows say. The entries of an account that is ahead do not show
// their age: of these at most maxForeign are published again.
func (l *lane) publishForeign(ctx context.Context) error {
	now := l.journal.config.Now()
	if now.Sub(l.state.RecordedAt) > MaxSkew {
		return nil
	}
	ahead := l.state.RecordedAt.Sub(now) > MaxSkew
	var young []*event.Entry
	for e, err := range l.journal.Backward(ctx, l.account, l.state.Version) {
		if err != nil {
			return err
		}
		if l.journal.writer.Owns(e.Writer) || now.Sub(e.RecordedAt) > MaxSkew || ahead && len(young) == maxForeign {
			break
		}
		if len(young) == 0 { // what the rows say since the newest entry was read
			if err := l.journal.peers.Refresh(ctx); err != nil {
				return err
			}
		}
		if l.journal.peers.Published(e.Writer, e.N) || l.journal.peers.Gone(e.Writer) {
			break
		}
		young = append(young, e)
	}
	for i := len(young) - 1; i >= 0; i-- {
		if err := l.publishAgain(young[i]); err != nil {
			return err
		}
	}
	return nil
}

// publishAgain hands the outbox another writer's entry, if that writer committed it within the last
// MaxSkew and has not saved that the stream has it.
func (l *lane) publishAgain(e *event.Entry) error {
	if l.journal.config.Now().Sub(e.RecordedAt) > MaxSkew || l.journal.peers.Published(e.Writer, e.N) {
		return nil
	}
	c, err := CommittedOf(e)
	if err == nil {
		l.journal.config.Outbox.Publish(c)
	}
	return err
}

// catchUp reads what others committed after the lane's head, folds it and remembers its keys. It
// returns errConflict, or why it could not read: then the lane loads the account again next time.
func (l *lane) catchUp() error {
	ctx, cancel := context.WithTimeout(l.journal.ctx, readDeadline)
	defer cancel()
	for e, err := range l.journal.Entries(ctx, l.account, l.state.Version+1, 0) {
		if err == nil {
			err = l.foldForeign(e)
		}
		if err != nil {
			l.loaded = false
			return fmt.Errorf("%w: read %s from v%d: %w", ErrUnavailable, l.account, l.state.Version+1, err)
		}
	}
	return errConflict
}

// foldForeign folds another writer's entry and makes it the lane's head.
func (l *lane) foldForeign(e *event.Entry) error {
	s := l.state
	for _, ev := range e.Events {
		var err error
		if s, err = account.Fold(s, ev); err != nil {
			return fmt.Errorf("fold v%d: %w", ev.Version, err)
		}
	}
	if err := l.publishAgain(e); err != nil {
		return err
	}
	l.state, l.head = s, e.Hash
	l.keys.Add(e)
	return nil
}

// confirm reads the head again: a rejection is answered only from a state that is still the newest.
func (l *lane) confirm() error {
	ctx, cancel := context.WithTimeout(l.journal.ctx, readDeadline)
	defer cancel()
	newest, err := l.journal.newest(ctx, l.account)
	if err != nil {
		return fmt.Errorf("%w: confirm %s: %w", ErrUnavailable, l.account, err)
	}
	if newest == nil && l.state.Version == 0 || newest != nil && newest.Hash == l.head {
		return nil
	}
	return l.catchUp()
}
