package outline

import (
	"context"
	"fmt"
	"iter"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// Event is the outline of an event.
type Event struct {
	event.Outline
	RecordedAt time.Time
}

// Read yields the events of versions from..to, which must exist, in order. It ends with an error
// where one is missing.
func Read(ctx context.Context, r *journal.Reader, of event.Account, from, to int64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		next := from
		for row, err := range r.Rows(ctx, of, from, to) {
			var events []Event
			if err == nil {
				events, err = eventsOf(row)
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range events {
				if e.Version != next || next > to {
					continue
				}
				if !yield(e, nil) {
					return
				}
				next++
			}
		}
		if next <= to {
			yield(Event{}, fmt.Errorf("read outlines of %s: the journal has no v%d: %w", of, next, journal.ErrDamaged))
		}
	}
}

// eventsOf returns the events in a row of the journal.
func eventsOf(row table.Row) ([]Event, error) {
	attrs := table.NewReader(row.Attrs)
	format, at, list := attrs.Number("format"), attrs.Time("recorded_at"), attrs.Bytes("events")
	if attrs.Bad() != "" {
		return nil, fmt.Errorf("journal row %s %s: attribute %q: %w", row.PK, row.SK, attrs.Bad(), journal.ErrDamaged)
	}
	if format > event.Format {
		return nil, fmt.Errorf("journal row %s %s: %w", row.PK, row.SK, &event.FormatError{Format: int(format)})
	}
	outlines, err := event.DecodeOutlines(row.Attrs.Text("enc"), list)
	if err != nil {
		return nil, fmt.Errorf("journal row %s %s: %w: %w", row.PK, row.SK, journal.ErrDamaged, err)
	}
	events := make([]Event, len(outlines))
	for i, o := range outlines {
		events[i] = Event{o, at}
	}
	return events, nil
}
