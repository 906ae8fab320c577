package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strconv"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// shortestRetention is the shortest retention that Kinesis offers, 24 hours, less a margin. A shard
// that is first read later than that may have lost its first records unnoticed.
const shortestRetention = 23 * time.Hour

// recreated is the cause of a hole that an operator wished for, with bank restore or replay stream.
const recreated = "the stream was recreated before the shard was read to its end"

// Hole is a part of a shard that was gone before this consumer read it. It is open until every
// account that may have had records in it was compared with the journal and brought up to it.
type Hole struct {
	Shard string
	// After is the checkpoint behind which records are missing, "" when nothing had been read.
	After string
	Cause string
	// HealedAt is zero while the hole is open.
	FoundAt, HealedAt time.Time
	// Accounts counts the accounts that were compared with the journal, so far while the hole is
	// open.
	Accounts int64

	key         string // the sort key of its row
	epoch       int64
	first, last *big.Int // of the shard's hash keys
	healer      string   // the worker that heals it
	// bucket, an index of event.HashBuckets, and page are where the sweep continues. All accounts
	// before that are healed, except the failed ones.
	bucket int64
	page   string
	failed []event.Account
}

// Holes returns the holes of a consumer on a stream, open and healed.
func Holes(ctx context.Context, t table.Table, streamName, consumer string) ([]Hole, error) {
	var holes []Hole
	for row, err := range control.Holes(t, streamName, consumer).List(ctx) {
		if err != nil {
			return nil, err
		}
		holes = append(holes, parseHole(row))
	}
	return holes, nil
}

func (h Hole) attrs() table.Map {
	failed := make(table.List, len(h.failed))
	for i, a := range h.failed {
		failed[i] = table.S(a.String())
	}
	return table.Map{
		"shard": table.S(h.Shard), "after": table.S(h.After), "cause": table.S(h.Cause),
		"found_at": table.Time(h.FoundAt), "healed_at": table.Time(h.HealedAt), "accounts": table.N(h.Accounts), "epoch": table.N(h.epoch),
		"first_hash": table.S(hashText(h.first)), "last_hash": table.S(hashText(h.last)), "healer": table.S(h.healer), "digit": table.N(h.bucket), "page": table.S(h.page), "failed": failed,
	}
}

func parseHole(r table.Row) Hole {
	a := r.Attrs
	h := Hole{
		Shard: a.Text("shard"), After: a.Text("after"), Cause: a.Text("cause"), FoundAt: a.Time("found_at"), HealedAt: a.Time("healed_at"),
		Accounts: a.Number("accounts"), key: r.SK, epoch: a.Number("epoch"), first: parseHash(a.Text("first_hash")), last: parseHash(a.Text("last_hash")),
		healer: a.Text("healer"), bucket: a.Number("digit"), page: a.Text("page"),
	}
	for _, text := range a.Texts("failed") {
		if account, ok := event.ParseAccount(text); ok {
			h.failed = append(h.failed, account)
		}
	}
	return h
}

// recordHole stores a hole behind a lease's position, once, and logs it. l is the lease as it was
// before its position is changed.
func (w *Worker) recordHole(ctx context.Context, l lease, after, cause string) error {
	h := Hole{
		Shard: l.shard, After: after, Cause: cause, FoundAt: time.Now().UTC(), epoch: 1, first: l.first, last: l.last, healer: w.runtime.Owner,
		key: fmt.Sprintf("%s#%d#%s#%d", l.shard, l.created, cmp.Or(after, "-"), l.begun.Unix()),
	}
	err := control.Holes(w.runtime.Table, w.runtime.Stream, w.config.Name).Put(ctx, h.key, h.attrs(), control.Revision(0))
	if errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("record the hole of %s: %w", l.shard, err)
	}
	w.runtime.Metrics.holes.WithLabelValues(w.config.Name).Inc()
	level := slog.LevelError
	if cause == recreated {
		level = slog.LevelWarn
	}
	w.runtime.Log.Log(ctx, level, "a hole was recorded", "stream", w.runtime.Stream, "shard", l.shard, "after", after, "cause", cause)
	w.wakeMaintenance()
	return nil
}

// updateHole stores a hole that was read or written before.
func (w *Worker) updateHole(ctx context.Context, h *Hole) error {
	ctx, cancel := context.WithTimeout(ctx, maintainTimeout)
	defer cancel()
	was := h.epoch
	h.epoch++
	if err := control.Holes(w.runtime.Table, w.runtime.Stream, w.config.Name).Put(ctx, h.key, h.attrs(), control.Revision(was)); err != nil {
		return fmt.Errorf("update the hole of %s: %w", h.Shard, err)
	}
	return nil
}

// lossBefore returns why the stream may have lost records before a lease's position although it
// would serve the position; "" if it has not. A shard of which nothing was read for longer than the
// retention may have been empty all the time, so the stream is asked whether it dropped records
// since.
func (w *Worker) lossBefore(ctx context.Context, l lease, created int64, now time.Time) (cause string, err error) {
	if l.epoch != 0 && l.created != created && !l.ended() {
		return recreated, nil
	}
	if !l.unreadTooLong(created, now) {
		return "", nil
	}
	_, err = w.runtime.Streams.Iterator(ctx, w.runtime.Stream, l.shard, sinceTime(l.begun))
	switch {
	case errors.Is(err, stream.ErrTrimmed):
		return "nothing was read for longer than the shortest retention, since " + l.begun.Format(time.RFC3339), nil
	// the reader of a shard that is gone records that
	case err != nil && !errors.Is(err, stream.ErrNotFound):
		return "", fmt.Errorf("check whether %s lost records since %s: %w", l.shard, l.begun.Format(time.RFC3339), err)
	}
	return "", nil
}

// unreadTooLong reports whether nothing was read under the lease for so long that records may have
// arrived and been trimmed.
func (l lease) unreadTooLong(created int64, now time.Time) bool {
	return l.epoch != 0 && !l.ended() && l.created == created && l.checkpoint == "" && now.Sub(l.begun) > shortestRetention
}

// recordTrimmed records that the stream dropped what follows the reader's position, and sets the
// checkpoint back to the trim horizon.
func (r *reader) recordTrimmed(ctx context.Context) error {
	if err := r.w.recordHole(ctx, r.keeper.written(), r.last, "the records at the position were trimmed"); err != nil {
		return err
	}
	r.last = ""
	return r.keeper.rewind(ctx, "")
}

// rewind sets the checkpoint back for a handler that has lost what follows it. What the stream no
// longer has of the range is a hole: seek records the one behind a sequence number, and for the
// trim horizon the stream is asked whether it still has its beginning.
func (r *reader) rewind(ctx context.Context, to string) error {
	r.w.runtime.Log.Warn("shard is read again, as its handler asks", "shard", r.shard.ID, "from", to, "checkpoint", r.last)
	if to == "" {
		_, err := r.w.runtime.Streams.Iterator(ctx, r.shard.Stream, r.shard.ID, stream.Position{Where: stream.AtTime, Time: r.shard.Created})
		switch {
		case errors.Is(err, stream.ErrTrimmed):
			err = r.w.recordHole(ctx, r.keeper.written(), "", "what was checkpointed up to "+r.last+" was lost, and the stream's beginning is trimmed")
		case err != nil:
			err = fmt.Errorf("check whether %s has its beginning: %w", r.shard, err)
		}
		if err != nil {
			return err
		}
	}
	return r.keeper.rewind(ctx, to)
}

// recordVanished records that the stream no longer has the shard, which was not read to its end. If
// the stream still lists the shard, or cannot be listed, it returns that as an error instead.
func (r *reader) recordVanished(ctx context.Context, cause error) error {
	shards, err := r.w.runtime.Streams.Shards(ctx, r.shard.Stream)
	if err != nil {
		return fmt.Errorf("get an iterator of %s: %w", r.shard, errors.Join(cause, err))
	}
	for _, s := range shards {
		if s.ID == r.shard.ID {
			return fmt.Errorf("get an iterator of %s: %w", r.shard, cause)
		}
	}
	return r.w.recordHole(ctx, r.keeper.written(), r.last, "the shard was gone before it was read to its end")
}

// overlaps reports whether hash keys of a hash bucket can be on the shard. A bucket is the first
// hex digit of a key's hash.
func (s Shard) overlaps(bucket byte) bool {
	d, err := strconv.ParseInt(string(bucket), 16, 64)
	if err != nil || s.FirstHash == nil || s.LastHash == nil {
		return true
	}
	low := new(big.Int).Lsh(big.NewInt(d), 124)
	high := new(big.Int).Lsh(big.NewInt(d+1), 124) // exclusive
	return s.LastHash.Cmp(low) >= 0 && s.FirstHash.Cmp(high) < 0
}
