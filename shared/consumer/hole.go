package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/stream"
	"passbook/shared/table"
)

const (
	// shortestRetention is what Kinesis keeps at least, 24 hours, less a margin: a shard first read
	// later than that may have lost its beginning unseen.
	shortestRetention = 23 * time.Hour
	// healParallel is how many accounts are healed at once.
	healParallel = 32
	// failedMost is how many accounts of a hole may wait to be tried again. When more fail, it is
	// not the accounts' fault, and the sweep waits with them; as many also fit into the hole's row.
	failedMost = 256
)

// Hole is a part of a shard that was gone before this consumer read it. It is open until every
// account that could have had records in it was brought up to the journal.
type Hole struct {
	Shard string
	// After is the checkpoint behind which records are missing, "" when nothing had been read.
	After string
	Cause string
	// FoundAt and HealedAt say when; HealedAt is zero while the hole is open.
	FoundAt, HealedAt time.Time
	// Accounts is how many accounts were compared with the journal, so far while the hole is open.
	Accounts int64

	key         table.Key
	epoch       int64
	first, last *big.Int
	healer      string
	// digit, of journal.Digits, and page are where the sweep goes on. Of what lies before, all
	// accounts are healed but the failed.
	digit  int64
	page   string
	failed []event.Account
}

func holesKey(streamName, consumer string) string { return "hole#" + streamName + "#" + consumer }

// Holes lists the holes of a consumer on a stream, open and healed.
func Holes(ctx context.Context, t table.Table, streamName, consumer string) ([]Hole, error) {
	var holes []Hole
	q := table.Query{Table: control.Name, PK: holesKey(streamName, consumer), Consistent: true}
	for {
		page, err := t.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", q.PK, err)
		}
		for _, row := range page.Rows {
			holes = append(holes, parseHole(row))
		}
		if q.After = page.After; q.After == "" {
			return holes, nil
		}
	}
}

func (h Hole) row() table.Row {
	failed := make(table.List, len(h.failed))
	for i, a := range h.failed {
		failed[i] = table.S(a.String())
	}
	return table.Row{Key: h.key, Attrs: table.Map{
		"shard": table.S(h.Shard), "after": table.S(h.After), "cause": table.S(h.Cause),
		"found_at": table.Time(h.FoundAt), "healed_at": table.Time(h.HealedAt), "accounts": table.N(h.Accounts),
		"epoch": table.N(h.epoch), "first_hash": table.S(hashText(h.first)), "last_hash": table.S(hashText(h.last)),
		"healer": table.S(h.healer), "digit": table.N(h.digit), "page": table.S(h.page), "failed": failed,
	}}
}

func parseHole(r table.Row) Hole {
	a := r.Attrs
	h := Hole{
		Shard: a.Text("shard"), After: a.Text("after"), Cause: a.Text("cause"), FoundAt: a.Time("found_at"), HealedAt: a.Time("healed_at"),
		Accounts: a.Number("accounts"), key: r.Key, epoch: a.Number("epoch"),
		first: parseHash(a.Text("first_hash")), last: parseHash(a.Text("last_hash")), healer: a.Text("healer"),
		digit: a.Number("digit"), page: a.Text("page"),
	}
	failed, _ := r.Attrs["failed"].(table.List)
	for _, f := range failed {
		text, _ := f.(table.S)
		if account, ok := event.ParseAccount(string(text)); ok {
			h.failed = append(h.failed, account)
		}
	}
	return h
}

// record keeps a hole, once, and says so aloud. The lease is the one whose position is gone.
func (w *Worker) record(ctx context.Context, l lease, after, cause string) error {
	h := Hole{
		Shard: l.shard, After: after, Cause: cause, FoundAt: time.Now().UTC(), epoch: 1, first: l.first, last: l.last, healer: w.runtime.Owner,
		key: table.Key{
			PK: holesKey(w.runtime.Stream, w.config.Name),
			SK: fmt.Sprintf("%s#%d#%s#%d", l.shard, l.created, cmp.Or(after, "-"), l.begun.Unix()),
		},
	}
	err := w.runtime.Table.Put(ctx, table.Put{Table: control.Name, Row: h.row(), If: table.Absent()})
	if errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("record hole of %s: %w", l.shard, err)
	}
	w.runtime.Metrics.holes.WithLabelValues(w.config.Name).Inc()
	w.runtime.Log.Error("records were gone before they were read", "stream", w.runtime.Stream, "shard", l.shard, "after", after, "cause", cause)
	w.ring()
	return nil
}

// missed says why a lease's position cannot be trusted although the stream would serve it, "" when
// it can. A shard of which nothing was read for longer than the retention may have been empty all
// the time: the stream is asked whether it dropped records since.
func (w *Worker) missed(ctx context.Context, l lease, created int64, now time.Time) (cause string, err error) {
	if cause = l.replaced(created); cause != "" || !l.idle(created, now) {
		return cause, nil
	}
	_, err = w.runtime.Streams.Iterator(ctx, w.runtime.Stream, l.shard, since(l.begun))
	switch {
	case errors.Is(err, stream.ErrTrimmed):
		return "nothing read for longer than the shortest retention, since " + l.begun.Format(time.RFC3339), nil
	// a shard that is gone is its reader's to record
	case err != nil && !errors.Is(err, stream.ErrNotFound):
		return "", fmt.Errorf("probe %s since %s: %w", l.shard, l.begun.Format(time.RFC3339), err)
	}
	return "", nil
}

// idle says that nothing was read under the lease for so long that records may have come and gone.
func (l lease) idle(created int64, now time.Time) bool {
	return l.epoch != 0 && !l.ended() && l.created == created && l.checkpoint == "" && now.Sub(l.begun) > shortestRetention
}

// replaced says that the lease is of a stream which is no more, and was not read to its end.
func (l lease) replaced(created int64) string {
	if l.epoch != 0 && l.created != created && !l.ended() {
		return "stream was made anew before the shard's end"
	}
	return ""
}

// trimmed records that the stream dropped what follows the reader's position, and begins at the
// trim horizon.
func (r *reader) trimmed(ctx context.Context) error {
	if err := r.w.record(ctx, r.hold.held(), r.last, "position trimmed"); err != nil {
		return err
	}
	r.last = ""
	return r.hold.rewind(ctx, "")
}

// setBack sets the checkpoint back for a handler that has lost what lies behind it. Where the
// stream no longer has all of that, it is a hole: seek records the one behind a sequence number,
// and of the trim horizon the stream is asked whether it is the beginning.
func (r *reader) setBack(ctx context.Context, to string) error {
	r.w.runtime.Log.Warn("shard is read again", "shard", r.shard.ID, "from", to, "checkpoint", r.last)
	if to == "" {
		_, err := r.w.runtime.Streams.Iterator(ctx, r.shard.Stream, r.shard.ID, stream.Position{Where: stream.AtTime, Time: r.shard.Created})
		switch {
		case errors.Is(err, stream.ErrTrimmed):
			err = r.w.record(ctx, r.hold.held(), "", "what was checkpointed up to "+r.last+" was lost, and the stream's beginning is trimmed")
		case err != nil:
			err = fmt.Errorf("probe the beginning of %s: %w", r.shard, err)
		}
		if err != nil {
			return err
		}
	}
	return r.hold.rewind(ctx, to)
}

// vanished records that the stream no longer has the shard, which was not read to its end. While
// the stream lists the shard, or cannot be listed, that is an ordinary failure.
func (r *reader) vanished(ctx context.Context, cause error) error {
	shards, err := r.w.runtime.Streams.Shards(ctx, r.shard.Stream)
	if err != nil {
		return fmt.Errorf("iterator of %s: %w", r.shard, errors.Join(cause, err))
	}
	for _, s := range shards {
		if s.ID == r.shard.ID {
			return fmt.Errorf("iterator of %s: %w", r.shard, cause)
		}
	}
	return r.w.record(ctx, r.hold.held(), r.last, "shard gone before its end")
}

// tend calls the consumer's Tend, and closes the holes that this worker recorded and those whose
// healer is no longer alive, once a lease until ctx ends.
func (w *Worker) tend(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	looked := w.config.Empty == nil
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.holed:
		case <-timer.C:
		}
		err := w.tendConsumer(ctx)
		if w.config.Heal != nil && w.config.Accounts != nil {
			if !looked {
				var failed error
				looked, failed = w.fillEmpty(ctx)
				err = errors.Join(err, failed)
			}
			err = errors.Join(err, w.healOpen(ctx))
		}
		if err != nil && ctx.Err() == nil {
			w.note(stepTend, err)
		}
		timer.Reset(w.runtime.Lease)
	}
}

func (w *Worker) tendConsumer(ctx context.Context) error {
	if w.config.Tend == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, tendWithin)
	defer cancel()
	return w.config.Tend(ctx)
}

// emptyCause is the cause of the holes that fillEmpty records.
const emptyCause = "the read model has no row of the journal's accounts"

// fillEmpty records a hole of every shard when what the consumer keeps was lost: it may get no
// record of what it lost, as its checkpoints were not. done is false while the stream's shards are
// not known yet.
func (w *Worker) fillEmpty(ctx context.Context) (done bool, err error) {
	if !w.met() {
		return false, nil // the first survey makes the leases one after the other
	}
	ctx, cancel := context.WithTimeout(ctx, tendWithin)
	defer cancel()
	leases, err := w.leases.list(ctx)
	if err != nil {
		return false, err
	}
	created, err := w.runtime.Streams.Created(ctx, w.runtime.Stream)
	if err != nil {
		return false, fmt.Errorf("creation of %s: %w", w.runtime.Stream, err)
	}
	empty, err := w.config.Empty(ctx, created)
	if err != nil || !empty {
		return err == nil, err
	}
	for _, l := range leases {
		if l.created != created.Unix() || l.ended() {
			continue
		}
		if err := w.record(ctx, l, l.checkpoint, emptyCause); err != nil {
			return false, err
		}
	}
	return true, nil
}

// healOpen closes every open hole that is this worker's to close. One that cannot be closed yet
// does not hold up the others.
func (w *Worker) healOpen(ctx context.Context) error {
	listing, cancel := context.WithTimeout(ctx, tendWithin)
	defer cancel()
	holes, err := Holes(listing, w.runtime.Table, w.runtime.Stream, w.config.Name)
	if err != nil {
		return err
	}
	var failed error
	for _, h := range holes {
		if !h.HealedAt.IsZero() || h.healer != w.runtime.Owner && w.alive(h.healer) {
			continue
		}
		if err := w.heal(ctx, h); err != nil {
			failed = errors.Join(failed, fmt.Errorf("heal %s: %w", h.Shard, err))
		}
	}
	return failed
}

// heal sweeps a hole, from where its row says that the sweep is, and closes it.
func (w *Worker) heal(ctx context.Context, h Hole) error {
	if h.healer != w.runtime.Owner {
		h.healer = w.runtime.Owner
		if err := w.update(ctx, &h); err != nil {
			return err
		}
	}
	if err := w.sweep(ctx, &h); err != nil {
		return err
	}
	h.HealedAt = time.Now().UTC()
	if err := w.update(ctx, &h); err != nil {
		return err
	}
	w.runtime.Log.Warn("hole healed", "shard", h.Shard, "after", h.After, "accounts", h.Accounts)
	return nil
}

func (w *Worker) update(ctx context.Context, h *Hole) error {
	ctx, cancel := context.WithTimeout(ctx, tendWithin)
	defer cancel()
	was := h.epoch
	h.epoch++
	if err := w.runtime.Table.Put(ctx, table.Put{Table: control.Name, Row: h.row(), If: epochIs(was)}); err != nil {
		return fmt.Errorf("update hole of %s: %w", h.Shard, err)
	}
	return nil
}

// overlaps says whether hash keys that begin with a hex digit can be on the shard.
func (s Shard) overlaps(digit byte) bool {
	if s.FirstHash == nil || s.LastHash == nil {
		return true
	}
	d, err := strconv.ParseInt(string(digit), 16, 64)
	if err != nil {
		return true
	}
	low := new(big.Int).Lsh(big.NewInt(d), 124)
	high := new(big.Int).Lsh(big.NewInt(d+1), 124) // exclusive
	return s.LastHash.Cmp(low) >= 0 && s.FirstHash.Cmp(high) < 0
}
