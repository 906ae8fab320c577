package journal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"passbook/shared/journal/keyindex"
	"passbook/shared/table"
)

const (
	// roundWorkers is how many rounds are in progress at once: while one waits for its put, others
	// decide.
	roundWorkers = 2
	// roundBytes is about how much a round plans before it leaves further lanes to the next.
	roundBytes = 1 << 20
)

// rounds commits the entries of many lanes together, where the table puts many rows at about the
// cost of one. A round takes the lanes that are ready, and never waits for more: the longer a put
// takes, the more lanes share the next. It decides them one after another and makes no call but the
// one that puts all entries. A lane that needs another call leaves the round and runs alone.
type rounds struct {
	journal *Journal
	most    int // lanes that share a round
	worker  func()

	mu      sync.Mutex
	ready   []*lane // in the order that they became so
	workers int
}

// newRounds returns the rounds of a journal, nil where each entry is better put by itself.
func newRounds(j *Journal) *rounds {
	together := j.config.Table.Together()
	if together < 2 {
		return nil
	}
	// a lane puts an entry and a page
	r := &rounds{journal: j, most: min(together, table.MaxEach/2)}
	r.worker = r.work
	return r
}

// takes reports whether the lane can take part in a round.
func (r *rounds) takes(l *lane) bool { return r != nil && l.loaded }

// add makes lanes ready for a round.
func (r *rounds) add(lanes ...*lane) {
	if len(lanes) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = append(r.ready, lanes...)
	r.begin()
}

// begin begins a worker if there may be one more. The caller has the lock.
func (r *rounds) begin() {
	if r.workers < roundWorkers {
		r.workers++
		r.journal.pool.Go(r.worker)
	}
}

// work makes one round after another until no lane is ready.
func (r *rounds) work() {
	var now round
	for r.next(&now) {
		now.make(r)
	}
}

// next gives a worker the lanes of its next round. Where none are ready the worker ends.
func (r *rounds) next(now *round) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.ready), r.most)
	if n == 0 {
		r.workers--
		return false
	}
	now.lanes = append(now.lanes[:0], r.ready[:n]...)
	r.ready = slices.Delete(r.ready, 0, n)
	return true
}

// giveBack makes lanes ready again, before all others.
func (r *rounds) giveBack(lanes []*lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ready = slices.Insert(r.ready, 0, lanes...)
	r.begin() // the caller's round is not over before its put
}

// round is the lanes that are decided and committed together. A worker uses it again and again.
type round struct {
	lanes []*lane
	turns []turn
	puts  []table.Put
	again []*lane // have more to commit
	// committed are the entries for the outbox.
	committed []Committed
}

// turn is a lane's part in a round.
type turn struct {
	lane  *lane
	batch []*Pending
	// plan is what was decided, nil where there is nothing to put, and staging its entry.
	plan    *plan
	staging *staging
	// page is a page of the lane's keys to save, if paged.
	page  keyindex.Page
	paged bool
	puts  int // of the turn, first the entry's
	saved bool
}

// make makes the round with the lanes that it was given.
func (r *round) make(all *rounds) {
	planned, entries := 0, 0
	for i, l := range r.lanes {
		t, ok := l.join()
		if !ok {
			continue
		}
		r.turns = append(r.turns, t)
		if t.plan != nil {
			entries++
			planned += t.plan.bytes
		}
		if rest := r.lanes[i+1:]; planned > roundBytes && len(rest) > 0 {
			all.giveBack(rest)
			break
		}
	}
	r.commit(all.journal, entries)
	all.add(r.again...)
	clear(r.lanes)
	clear(r.turns)
	clear(r.puts)
	clear(r.again)
	clear(r.committed)
	r.turns, r.puts, r.again, r.committed = r.turns[:0], r.puts[:0], r.again[:0], r.committed[:0]
}

// join decides what waits in the lane's queue as a part of a round. It returns false where the lane
// is not in the round: it pauses, or runs alone, as it needs a call.
func (l *lane) join() (t turn, ok bool) {
	batch, ok := l.next()
	if !ok {
		return t, false
	}
	t = turn{lane: l, batch: batch}
	if len(batch) > 0 {
		t.plan, ok = l.planShared(batch)
		if !ok {
			l.alone(batch, nil)
			return t, false
		}
		if len(t.plan.events) == 0 {
			t.plan.answer()
			l.left, t.plan = batch[len(t.plan.outcomes):], nil
		}
	}
	t.page, t.paged = l.keys.Complete()
	return t, true
}

// planShared plans a batch without a call. It returns false where the batch needs one.
func (l *lane) planShared(batch []*Pending) (*plan, bool) {
	if batch[0].exclusive != nil || l.keys.TooShort(l.journal.config.Now()) {
		return nil, false
	}
	m := l.moment()
	if m.ahead > 0 { // to be reported, and perhaps accepted
		return nil, false
	}
	pl := &plan{lane: l, moment: m, state: l.state, shared: true}
	pl.decideAll(batch)
	return pl, !pl.calls && (len(pl.events) > 0 || !pl.unconfirmed)
}

// commit puts the entries and pages of the round by one call, and deals with each by its own
// outcome. The time of the put begins before the entries take their counters, so that the put is
// over while the lease lasts.
func (r *round) commit(j *Journal, entries int) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(j.ctx, putDeadline)
	defer cancel()
	if !r.stage(j, entries) {
		return
	}
	var outcomes []error
	if len(r.puts) > 0 {
		outcomes = j.config.Table.PutEach(ctx, r.puts)
	}
	for i := range r.turns {
		t := &r.turns[i]
		own := outcomes[:t.puts]
		if outcomes = outcomes[t.puts:]; t.settle(own, started) {
			r.committed = append(r.committed, t.lane.advance(t.plan, t.staging))
		}
	}
	if len(r.committed) > 0 {
		j.config.Outbox.Publish(r.committed...)
	}
	for i := range r.turns {
		if t := &r.turns[i]; t.lane != nil && t.conclude() {
			r.again = append(r.again, t.lane)
		}
	}
}

// stage seals the entries and collects all puts. It returns false where the writer's lease might
// end before they do: then every lane runs alone, and the first of them begins a session.
func (r *round) stage(j *Journal, entries int) bool {
	next, ok := j.writer.NextEach(entries)
	if !ok {
		for i := range r.turns {
			r.turns[i].leave()
		}
		return false
	}
	for i := range r.turns {
		t := &r.turns[i]
		if t.plan != nil {
			var err error
			t.staging, err = t.lane.seal(t.plan, next)
			next.N++
			if err != nil { // too large: the lane tries again with fewer commands
				t.leave()
				continue
			}
			r.puts, t.puts = append(r.puts, t.staging.put), 1
		}
		if t.paged {
			r.puts, t.puts = append(r.puts, j.pages.Put(t.lane.account, t.page)), t.puts+1
		}
	}
	return true
}

// leave has the lane run alone and decide its batch again.
func (t *turn) leave() {
	if t.plan == nil {
		t.batch = nil // answered
	}
	t.lane.alone(t.batch, nil)
	t.lane = nil
}

// settle deals with the outcomes of the turn's puts, and reports whether its entry was committed. A
// lane whose entry was not, as far as is known, leaves the round.
func (t *turn) settle(outcomes []error, started time.Time) bool {
	if t.lane != nil && t.paged {
		err := outcomes[len(outcomes)-1]
		if t.saved = err == nil || errors.Is(err, table.ErrConditionFailed); t.saved {
			t.lane.journal.pages.Saved(t.lane.account, &t.lane.keys)
		}
	}
	if t.lane == nil || t.plan == nil {
		return false
	}
	if err := outcomes[0]; err != nil {
		t.lane.alone(t.batch, &attempt{t.plan, t.staging, started, err})
		t.lane = nil
		return false
	}
	t.lane.journal.noteCommitted(started, t.staging)
	return true
}

// conclude answers the turn's commands, whose entry is with the outbox, and reports whether the
// lane is ready for another round.
func (t *turn) conclude() bool {
	l := t.lane
	if t.plan != nil {
		t.plan.answer()
		l.left = t.batch[len(t.plan.outcomes):]
	}
	_, paged := l.keys.Complete() // one that could not be saved is not worth a round
	return l.shard.continues(l, len(l.left) > 0 || paged && (t.saved || !t.paged))
}
