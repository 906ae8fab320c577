package readmodel

import (
	"context"
	"errors"
	"slices"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/stream"
)

// A process that lost its shard has an old copy of a row in memory. It does not overwrite the row
// of its successor.
func TestOldCopyOfARowDoesNotReplaceANewerOne(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(41, 1, 20)
	b.journal.commit(entries...)
	a := entries[0].Account()
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
	b.caughtUp(a)
}

// Good records of an account in quarantine change nothing, in each projection that reads them.
func TestGoodRecordsDoNotReleaseAQuarantinedAccount(t *testing.T) {
	b := newBank(t, 1)
	entries := archivetest.Bank(42, 1, 12)
	b.journal.commit(entries...)
	a := entries[0].Account()
	p := b.projection(testModel, 1)
	b.handle(p, deliveries(t, entries[:3]...))
	newer := deliveries(t, entries[3])
	newer[0].Entry, newer[0].Err = nil, &event.FormatError{Format: event.Format + 1}
	b.handle(p, newer)
	quarantined := b.row(1, a)
	if quarantined.QuarantinedAt != entries[3].First || quarantined.Version != entries[2].Last {
		t.Fatalf("row at v%d, quarantined at v%d", quarantined.Version, quarantined.QuarantinedAt)
	}
	for _, reading := range []*Projection[account.State]{p, b.projection(testModel, 1)} {
		for _, batch := range [][]*event.Entry{entries[4:5], entries[5:9], entries} {
			b.handle(reading, deliveries(t, batch...))
			if now := b.row(1, a); now.rev != quarantined.rev || now.QuarantinedAt != quarantined.QuarantinedAt {
				t.Fatalf("row at v%d, quarantined at v%d", now.Version, now.QuarantinedAt)
			}
		}
	}
}

// refusingStream is a stream that refuses one record of a put, once.
type refusingStream struct {
	stream.Stream
	at      int
	refused bool
}

var errRefusedRecord = errors.New("throughput exceeded")

func (r *refusingStream) Put(ctx context.Context, name string, records []stream.Record) ([]stream.PutResult, error) {
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

// If one message of a put is refused, it is sent again, be it the first, one between or the last.
func TestRefusedMessageIsSentAgain(t *testing.T) {
	for at := range 3 {
		b := newBank(t, 1)
		entries := archivetest.Bank(43, 1, 30)
		b.journal.commit(entries...)
		line := &refusingStream{Stream: b.streams, at: at}
		p := b.projection(messagingModel(), 1)
		p.outbox.Streams = line
		b.handle(p, deliveries(t, entries...))
		if len(b.wanted()) < 3 || !line.refused {
			t.Fatalf("%d messages, refused %v", len(b.wanted()), line.refused)
		}
		b.checkMessages(false)
	}
}
