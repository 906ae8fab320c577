package consumer

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// What another worker wrote is never renewed, given away or ended by the one that had the lease
// before, nor is the lease of a stream that was made anew.
func TestLeaseOfAnotherIsLeftAlone(t *testing.T) {
	b := newBank(t, 1)
	leases := leasesOf(b.table, testStream, "tape")
	for name, c := range map[string]struct {
		taken func(*lease)
		does  func(context.Context, *hold) error
	}{
		"renewed": {func(l *lease) { l.owner = "b" }, func(ctx context.Context, h *hold) error { return h.write(ctx, func(*lease) {}) }},
		"given":   {func(l *lease) { l.owner = "b" }, func(ctx context.Context, h *hold) error { return h.give(ctx) }},
		"ended":   {func(l *lease) { l.owner = "b" }, func(ctx context.Context, h *hold) error { return h.end(ctx) }},
		"rewound": {func(l *lease) { l.owner = "b" }, func(ctx context.Context, h *hold) error { return h.rewind(ctx, "") }},
		"free":    {func(l *lease) { l.owner = "" }, func(ctx context.Context, h *hold) error { return h.end(ctx) }},
		"anew":    {func(l *lease) { l.created = 9 }, func(ctx context.Context, h *hold) error { return h.end(ctx) }},
	} {
		held, err := leases.write(t.Context(), lease{shard: name, owner: "a", created: 1, checkpoint: "5"})
		b.must(err)
		h := newHold(leases, held, testLease, time.Now())
		h.progress("7", 0)
		other := held
		c.taken(&other)
		other.checkpoint = "6"
		other, err = leases.write(t.Context(), other)
		b.must(err)
		if err := c.does(t.Context(), h); !errors.Is(err, errLost) {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := leases.get(t.Context(), name); err != nil || !now.same(other) {
			t.Errorf("%s: the lease is %+v, want %+v; %v", name, now, other, err)
		}
	}
}

// A process that lost its shard has an old copy of a row in memory. What it writes does not come
// back over its successor's.
func TestOldCopyOfARowDoesNotComeBack(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(41, 1, 20)
	b.journal.commit(entries...)
	a := accountOf(entries[0])
	zombie, successor := b.projection(testModel, 1), b.projection(testModel, 1)
	b.handle(zombie, deliveries(t, entries[:5]...))
	b.handle(successor, deliveries(t, entries[5:15]...))
	for _, late := range entries[5:8] {
		b.handle(zombie, deliveries(t, late))
		if row := b.row(1, a); row.Version != entries[14].Last || row.Hash != entries[14].Hash {
			t.Fatalf("the row went back to v%d", row.Version)
		}
	}
	b.handle(successor, deliveries(t, entries[15:]...))
	b.notBlocked(a)
}

// Good records after a poison leave a quarantined account where it is, whoever meets them.
func TestGoodRecordsLeaveAQuarantinedAccountWhereItIs(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(42, 1, 12)
	b.journal.commit(entries...)
	a := accountOf(entries[0])
	p := b.projection(testModel, 1)
	b.handle(p, deliveries(t, entries[:3]...))
	newer := deliveries(t, entries[3])
	newer[0].Entry, newer[0].Err = nil, &event.FormatError{Format: event.Format + 1}
	b.handle(p, newer)
	blocked := b.row(1, a)
	if blocked.BlockedAt != entries[3].First || blocked.Version != entries[2].Last {
		t.Fatalf("row at v%d, blocked at v%d", blocked.Version, blocked.BlockedAt)
	}
	for _, who := range []*Projection[accountState]{p, b.projection(testModel, 1)} {
		for _, batch := range [][]*event.Entry{entries[4:5], entries[5:9], entries} {
			b.handle(who, deliveries(t, batch...))
			if now := b.row(1, a); now.rev != blocked.rev || now.BlockedAt != blocked.BlockedAt {
				t.Fatalf("row at v%d, blocked at v%d", now.Version, now.BlockedAt)
			}
		}
	}
}

// refusingLine is a stream that refuses one record of a put, once.
type refusingLine struct {
	stream.Stream
	at      int
	refused bool
}

var errRefusedRecord = errors.New("throughput exceeded")

func (r *refusingLine) Put(ctx context.Context, name string, records []stream.Record) ([]stream.PutResult, error) {
	if r.refused || len(records) <= r.at {
		return r.Stream.Put(ctx, name, records)
	}
	r.refused = true
	rest := slices.Concat(records[:r.at], records[r.at+1:])
	results, err := r.Stream.Put(ctx, name, rest)
	if err != nil {
		return nil, err
	}
	return slices.Insert(results, r.at, stream.PutResult{Err: errRefusedRecord}), nil
}

// A put of messages of which one is refused sends that too, be it the first, one between or the
// last.
func TestRefusedMessageIsSentAgain(t *testing.T) {
	for at := range 3 {
		b := newBank(t, 1)
		entries := archivetest.Bank(43, 1, 30)
		b.journal.commit(entries...)
		line := &refusingLine{Stream: b.streams, at: at}
		p := b.projection(messagingModel(), 1)
		p.Outbox.Streams = line
		b.handle(p, deliveries(t, entries...))
		if len(b.wanted()) < 3 || !line.refused {
			t.Fatalf("%d messages, refused %v", len(b.wanted()), line.refused)
		}
		b.checkMessages(false)
	}
}
