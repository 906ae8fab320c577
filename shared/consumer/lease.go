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

// errLost: another worker wrote the lease.
var errLost = errors.New("consumer: lease lost")

// lease is a row of the control table: who reads a shard, and how far. Checkpoint and renewal are
// one write.
type lease struct {
	shard string
	// owner is the worker that reads the shard, "" for none; claim the one that asks for it.
	owner, claim string
	// epoch counts the writes, and every write is conditional on it: who missed one write can make
	// no other.
	epoch int64
	// created is the stream's creation in unix seconds.
	created int64
	// checkpoint is "" for the trim horizon, shardEnd, or the sequence number up to which all is
	// done.
	checkpoint string
	// first and last bound the shard's hash keys, kept for a shard that the stream no longer lists.
	first, last *big.Int
	// begun is when the consumer heard of the shard, and later until when it knows that there was
	// no record to read.
	begun time.Time
	// caughtUp is a time before which nothing arrived that is not at or before the checkpoint, zero
	// when there is none; see around.
	caughtUp time.Time
	// behind is the reader's distance from the tip, at when the row was written.
	behind time.Duration
	at     time.Time
}

func (l lease) ended() bool { return l.checkpoint == shardEnd }

// restart has the shard read from the trim horizon, as if the consumer heard of it now.
func (l *lease) restart(now time.Time) {
	l.checkpoint, l.begun, l.caughtUp = "", now.UTC(), time.Time{}
}

// same says whether two leases are the same write.
func (l lease) same(m lease) bool {
	return l.epoch == m.epoch && l.owner == m.owner && l.claim == m.claim && l.checkpoint == m.checkpoint && l.created == m.created
}

// leaseTable is the leases of one consumer on one stream.
type leaseTable struct {
	table table.Table
	pk    string
}

func leasesOf(t table.Table, streamName, consumer string) leaseTable {
	return leaseTable{table: t, pk: "lease#" + streamName + "#" + consumer}
}

// list reads every lease, by shard.
func (t leaseTable) list(ctx context.Context) (map[string]lease, error) {
	leases := map[string]lease{}
	q := table.Query{Table: control.Name, PK: t.pk, Consistent: true}
	for {
		page, err := t.table.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", t.pk, err)
		}
		for _, row := range page.Rows {
			leases[row.SK] = parseLease(row)
		}
		if q.After = page.After; q.After == "" {
			return leases, nil
		}
	}
}

// write makes l the lease, if its epoch is still that of the row, and gives it as written. An
// unanswered put is settled by reading. When another worker was first, the error is errLost and the
// lease what is there now.
func (t leaseTable) write(ctx context.Context, l lease) (lease, error) {
	was := l.epoch
	l.epoch++
	l.at = time.Now().UTC()
	wait := backoff.Backoff{First: 20 * time.Millisecond, Most: 500 * time.Millisecond}
	for {
		err := t.table.Put(ctx, table.Put{Table: control.Name, Row: t.row(l), If: epochIs(was)})
		if err == nil {
			return l, nil
		}
		if errors.Is(err, table.ErrInvalid) || errors.Is(err, table.ErrRefused) {
			return l, fmt.Errorf("write lease of %s: %w", l.shard, err)
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
			return l, fmt.Errorf("write lease of %s: %w", l.shard, err)
		}
	}
}

// get reads one lease; the zero lease when there is none.
func (t leaseTable) get(ctx context.Context, shard string) (lease, error) {
	row, err := t.table.Get(ctx, control.Name, table.Key{PK: t.pk, SK: shard}, true)
	if errors.Is(err, table.ErrNotFound) {
		return lease{shard: shard}, nil
	}
	if err != nil {
		return lease{}, fmt.Errorf("read lease of %s: %w", shard, err)
	}
	return parseLease(row), nil
}

// drop deletes a lease that nobody has written since.
func (t leaseTable) drop(ctx context.Context, l lease) error {
	err := t.table.Delete(ctx, control.Name, table.Key{PK: t.pk, SK: l.shard}, epochIs(l.epoch))
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("drop lease of %s: %w", l.shard, err)
	}
	return nil
}

func epochIs(epoch int64) table.Condition {
	if epoch == 0 {
		return table.Absent()
	}
	return table.Equals("epoch", table.N(epoch))
}

func (t leaseTable) row(l lease) table.Row {
	return table.Row{Key: table.Key{PK: t.pk, SK: l.shard}, Attrs: table.Map{
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
	}}
}

func parseLease(r table.Row) lease {
	a := r.Attrs
	return lease{
		shard: r.SK, owner: a.Text("owner"), claim: a.Text("claim"), epoch: a.Number("epoch"), created: a.Number("created"),
		checkpoint: a.Text("checkpoint"), first: parseHash(a.Text("first_hash")), last: parseHash(a.Text("last_hash")),
		begun: a.Time("begun"), caughtUp: a.Time("caught_up"), behind: time.Duration(a.Number("behind_ms")) * time.Millisecond, at: a.Time("at"),
	}
}

// newLease is the first lease of a shard, free and at the trim horizon.
func newLease(s stream.Shard, created int64) lease {
	return lease{shard: s.ID, created: created, first: s.FirstHash, last: s.LastHash, begun: time.Now().UTC()}
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
