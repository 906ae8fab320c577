package consumer

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// shardEnd is the checkpoint of a shard that was read to its end.
const shardEnd = "SHARD_END"

// errLost is the error of a write that found the lease written by another worker.
var errLost = errors.New("consumer: lease lost")

// lease is a row of the control table: which worker reads a shard, and up to where it was read. A
// checkpoint and a renewal are one write.
type lease struct {
	shard string
	// owner is the worker that reads the shard, "" for none; claim the one that asks for it.
	owner, claim string
	// epoch counts the writes. Every write is conditional on it, so a worker that missed one write
	// can make no other.
	epoch int64
	// format is the newest entry format that the owner's program reads, 0 where the program does
	// not say, which reads format 1. Who becomes the owner writes its own.
	format int
	// created is the stream's creation in unix seconds.
	created int64
	// checkpoint is the sequence number up to which everything is processed, "" for the trim
	// horizon, or shardEnd.
	checkpoint string
	// first and last bound the shard's hash keys. They are kept for a shard that the stream no
	// longer lists.
	first, last *big.Int
	// begun is when the consumer first knew of the shard. While the checkpoint is the trim horizon
	// it moves on to the latest time at which the shard was known to be empty.
	begun time.Time
	// caughtUp is a time at which the shard had no record after the checkpoint; zero when there is
	// none. See resumeNear.
	caughtUp time.Time
	// behind is the reader's distance from the tip when the row was written, which was at at.
	behind time.Duration
	at     time.Time
}

// newLease returns the first lease of a shard: without an owner, and at the trim horizon.
func newLease(s stream.Shard, created int64) lease {
	return lease{shard: s.ID, created: created, first: s.FirstHash, last: s.LastHash, begun: time.Now().UTC()}
}

func (l lease) ended() bool { return l.checkpoint == shardEnd }

// giveTo makes a worker, or none, the owner. What it reads it writes itself.
func (l *lease) giveTo(owner string) { l.owner, l.claim, l.format = owner, "", 0 }

// restart sets the lease back to the trim horizon, as if the consumer first knew of the shard now.
func (l *lease) restart(now time.Time) {
	l.checkpoint, l.begun, l.caughtUp = "", now.UTC(), time.Time{}
}

// same reports whether two leases are the same write.
func (l lease) same(m lease) bool {
	return l.epoch == m.epoch && l.owner == m.owner && l.claim == m.claim && l.checkpoint == m.checkpoint && l.created == m.created
}

// attrs returns the lease as a row. In a bank of format 2 or newer the row is fenced: a program
// from before format 2, which cannot read the records, finds every shard read to its end and leaves
// it alone. What the program itself reads is in position.
func (l lease) attrs(fenced bool) table.Map {
	attrs := table.Map{
		"owner":      table.S(l.owner),
		"claim":      table.S(l.claim),
		"epoch":      table.N(l.epoch),
		"created":    table.N(l.created),
		"checkpoint": table.S(l.checkpoint),
		"first_hash": table.S(hashText(l.first)),
		"last_hash":  table.S(hashText(l.last)),
		"begun":      table.Time(l.begun),
		"caught_up":  table.Time(l.caughtUp),
		"behind_ms":  table.N(l.behind.Milliseconds()),
		"at":         table.Time(l.at),
	}
	if l.format != 0 {
		attrs["format"] = table.N(l.format)
	}
	if fenced {
		attrs["checkpoint"], attrs["position"] = table.S(shardEnd), attrs["checkpoint"]
	}
	return attrs
}

func parseLease(r table.Row) lease {
	a := r.Attrs
	checkpoint := a.Text("checkpoint")
	if position, fenced := a["position"].(table.S); fenced {
		checkpoint = string(position)
	}
	return lease{
		shard: r.SK, owner: a.Text("owner"), claim: a.Text("claim"), epoch: a.Number("epoch"), format: int(a.Number("format")), created: a.Number("created"),
		checkpoint: checkpoint, first: parseHash(a.Text("first_hash")), last: parseHash(a.Text("last_hash")),
		begun: a.Time("begun"), caughtUp: a.Time("caught_up"), behind: time.Duration(a.Number("behind_ms")) * time.Millisecond, at: a.Time("at"),
	}
}

func hashText(n *big.Int) string {
	if n == nil {
		return ""
	}
	return n.Text(16)
}

func parseHash(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		return nil
	}
	return n
}

// leaseTable reads and writes the leases of one consumer on one stream.
type leaseTable struct {
	rows control.Rows
	// fenced reports whether rows are fenced; nil means that they are not.
	fenced func() bool
}

func leasesOf(t table.Table, streamName, consumer string) leaseTable {
	return leaseTable{rows: control.Leases(t, streamName, consumer)}
}

// fencedBy returns the table whose rows are fenced once the bank's entries may have format 2.
func (t leaseTable) fencedBy(origin Origin) leaseTable {
	if origin != nil {
		t.fenced = func() bool { return origin.BankFormat() > 1 }
	}
	return t
}

// list returns every lease, by shard.
func (t leaseTable) list(ctx context.Context) (map[string]lease, error) {
	leases := map[string]lease{}
	for row, err := range t.rows.List(ctx) {
		if err != nil {
			return nil, err
		}
		leases[row.SK] = parseLease(row)
	}
	return leases, nil
}

// get returns one lease, or the zero lease when there is none.
func (t leaseTable) get(ctx context.Context, shard string) (lease, error) {
	row, err := t.rows.Get(ctx, shard)
	if errors.Is(err, table.ErrNotFound) {
		return lease{shard: shard}, nil
	}
	if err != nil {
		return lease{}, fmt.Errorf("read the lease of %s: %w", shard, err)
	}
	return parseLease(row), nil
}

// write stores l if its epoch is still that of the row, and returns it as written. It repeats a put
// that was throttled or not answered until ctx ends, and reads the row to learn whether an
// unanswered put was applied. When another worker wrote the row first, it returns errLost and the
// lease that is there.
func (t leaseTable) write(ctx context.Context, l lease) (lease, error) {
	was := l.epoch
	l.epoch++
	l.at = time.Now().UTC()
	wait := backoff.Backoff{First: 20 * time.Millisecond, Most: 500 * time.Millisecond}
	for {
		err := t.rows.Put(ctx, l.shard, l.attrs(t.fenced != nil && t.fenced()), control.Revision(was))
		if err == nil {
			return l, nil
		}
		if errors.Is(err, table.ErrInvalid) || errors.Is(err, table.ErrRefused) {
			return l, fmt.Errorf("write the lease of %s: %w", l.shard, err)
		}
		if !errors.Is(err, table.ErrThrottled) {
			if there, readErr := t.get(ctx, l.shard); readErr == nil {
				if there.same(l) {
					return there, nil
				}
				if there.epoch != was {
					return there, errLost
				}
			}
		}
		if wait.Pause(ctx) != nil {
			return l, fmt.Errorf("write the lease of %s: %w", l.shard, err)
		}
	}
}

// drop deletes a lease unless it was written since it was read.
func (t leaseTable) drop(ctx context.Context, l lease) error {
	err := t.rows.Delete(ctx, l.shard, control.Revision(l.epoch))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("delete the lease of %s: %w", l.shard, err)
	}
	return nil
}

// AwaitStopped waits until no worker has a lease of a consumer: each gave its leases up, or has not
// renewed them for a whole lease, whose length is DefaultLease where length is 0. It reads the
// leases at least once in each interval.
func AwaitStopped(ctx context.Context, t table.Table, streamName, consumer string, length, interval time.Duration) error {
	if length <= 0 {
		length = DefaultLease
	}
	leases := leasesOf(t, streamName, consumer)
	var seen control.Watch
	for {
		all, err := leases.list(ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		seen.Observe(epochs(all), now)
		owned := false
		for shard, l := range all {
			owned = owned || l.owner != "" && seen.Silent(shard, now) < length
		}
		if !owned {
			return nil
		}
		if err := backoff.Sleep(ctx, min(length/4, interval)); err != nil {
			return fmt.Errorf("wait for the workers of %s: %w", consumer, err)
		}
	}
}

// Fence fences the leases of a consumer, so that no program from before format 2 takes one. A
// worker that has one fences it itself when it renews it, but one that is dead never does, and a
// worker whose lease was fenced here takes that for a claim and continues.
func Fence(ctx context.Context, t table.Table, streamName, consumer string) error {
	leases := leasesOf(t, streamName, consumer)
	leases.fenced = func() bool { return true }
	all, err := leases.list(ctx)
	if err != nil {
		return err
	}
	for _, l := range all {
		if _, err := leases.write(ctx, l); err != nil && !errors.Is(err, errLost) {
			return err
		}
	}
	return nil
}

// Reserve makes a fenced lease of each shard that a consumer has none of. It comes before the
// consumer is named where programs from before format 2 look for their work: they would make the
// leases for themselves, and take every record for damaged.
func Reserve(ctx context.Context, t table.Table, streams stream.Stream, streamName, consumer string) error {
	leases := leasesOf(t, streamName, consumer)
	leases.fenced = func() bool { return true }
	known, err := leases.list(ctx)
	if err != nil {
		return err
	}
	created, err := streams.Created(ctx, streamName)
	if errors.Is(err, stream.ErrNotFound) {
		return nil // everything but the archive was lost, and there is no shard to reserve
	}
	if err != nil {
		return fmt.Errorf("reserve the shards of %s: %w", streamName, err)
	}
	shards, err := streams.Shards(ctx, streamName)
	if err != nil {
		return fmt.Errorf("reserve the shards of %s: %w", streamName, err)
	}
	for _, s := range shards {
		if _, there := known[s.ID]; there {
			continue
		}
		if _, err := leases.write(ctx, newLease(s, created.Unix())); err != nil && !errors.Is(err, errLost) {
			return err
		}
	}
	return nil
}

// Forget deletes the holes and the leases of a consumer that no worker runs any more.
func Forget(ctx context.Context, t table.Table, streamName, consumer string) error {
	if err := control.Holes(t, streamName, consumer).Clear(ctx); err != nil {
		return err
	}
	return control.Leases(t, streamName, consumer).Clear(ctx)
}

// epochs returns the counters by which the owners of leases show that they are alive.
func epochs(leases map[string]lease) map[string]int64 {
	counters := make(map[string]int64, len(leases))
	for shard, l := range leases {
		counters[shard] = l.epoch
	}
	return counters
}
