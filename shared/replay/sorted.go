package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/replay/pack"
	"passbook/shared/replay/spill"
	"passbook/shared/segment"
)

// sortedEntries has the entries of an archive by account, and the accounts that are listed besides.
// A listed account has an empty record.
type sortedEntries struct {
	*spill.Sorter
	reader *accountReader
	at     map[*archive.Planned]int // the index of each segment in the plan
	events atomic.Int64
}

// add adds entries of a segment.
func (s *sortedEntries) add(in *archive.Planned, batch []segment.Record) error {
	var record []byte
	for _, r := range batch {
		record = binary.AppendUvarint(record[:0], uint64(s.at[in]))
		record = binary.AppendVarint(record, r.Arrived.UnixMicro())
		record = pack.Append(record, r.Entry)
		err := s.Add(r.Entry.Account(), record)
		if err != nil {
			return err
		}
		s.events.Add(int64(len(r.Entry.Events)))
	}
	return nil
}

// addListed adds the accounts that are listed, of those that keep selects.
func (s *sortedEntries) addListed(keep func(tenant, id string) bool) error {
	for a, err := range s.reader.listed {
		if err == nil && keep(a.Tenant, a.ID) {
			err = s.Add(a, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begin begins to count the events of the accounts that are visited.
func (s *sortedEntries) begin(phase string) {
	s.reader.progress.Begin(phase, "events", s.events.Load())
}

// visit visits each account of a part, once and with all entries that the archive has of it; none
// of one that is only listed.
func (s *sortedEntries) visit(ctx context.Context, part int, visit func(ctx context.Context, a event.Account, all []archivedEntry, listed bool) error) error {
	return s.Visit(ctx, part, accountsAtOnce, func(ctx context.Context, a event.Account, records [][]byte) error {
		all, listed, events := make([]archivedEntry, 0, len(records)), false, 0
		for _, record := range records {
			if len(record) == 0 {
				listed = true
				continue
			}
			e, err := s.entry(a, record)
			if err != nil {
				return err
			}
			all, events = append(all, e), events+len(e.Events)
		}
		s.reader.progress.Add(int64(events))
		return visit(ctx, a, all, listed)
	})
}

// entry returns the entry of a record.
func (s *sortedEntries) entry(a event.Account, record []byte) (archivedEntry, error) {
	at, n := binary.Uvarint(record)
	arrived, m := binary.Varint(record[max(n, 0):])
	if n <= 0 || m <= 0 || at >= uint64(len(s.at)) {
		return archivedEntry{}, errors.New("a sorted entry cannot be read")
	}
	e, err := pack.Entry(a, record[n+m:])
	if err != nil {
		return archivedEntry{}, fmt.Errorf("read a sorted entry: %w", err)
	}
	return archivedEntry{e, &s.reader.plan.Segments[at], time.UnixMicro(arrived).UTC()}, nil
}

// histories visits the history of each account of a part: of those of which the archive has
// something of the bank, and of those that are listed.
func (s *sortedEntries) histories(ctx context.Context, part int, visit func(context.Context, history) error) error {
	return s.visit(ctx, part, func(ctx context.Context, a event.Account, all []archivedEntry, listed bool) error {
		own, err := s.reader.own(ctx, a, all)
		if err != nil || len(own) == 0 && !listed {
			return err
		}
		return visit(ctx, newHistory(a, own))
	})
}
