package derived

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

const (
	// maxExamined bounds the entries that are read for one page. A page of a rare combination may
	// therefore be short without being the last.
	maxExamined = 1000
	// readParallel is how many partitions or entries are read at once.
	readParallel = 16
)

// ErrPosition is the error of a position that List did not return.
var ErrPosition = errors.New("derived: invalid position in a list of events")

// Filter selects events of a tenant. An empty field selects all.
type Filter struct {
	Tenant string
	// Types are the types among which an event's must be. At least one is needed.
	Types                []string
	Actor, CorrelationID string
	Holder               string
	From, To             time.Time // From <= recorded_at < To; a zero To is now
}

// Matches reports whether an event of an entry is selected by type, actor and correlation id.
func (f Filter) Matches(e *event.Entry, ev event.Event) bool {
	c := e.Commands[ev.Command]
	return slices.Contains(f.Types, ev.Body.Type()) && (f.Actor == "" || f.Actor == c.Actor.Plain) &&
		(f.CorrelationID == "" || f.CorrelationID == c.CorrelationID)
}

// Found is an event and the entry that has it.
type Found struct {
	event.Event
	Entry *event.Entry
}

// Journal is what Events reads of the journal.
type Journal interface {
	readmodel.History
	// Entry returns the entry that has the account's event of that version, or
	// journal.ErrNoEvent.
	Entry(ctx context.Context, a event.Account, version int64) (*event.Entry, error)
	// VersionAt returns the last version recorded at or before a time, 0 if there is none.
	VersionAt(ctx context.Context, a event.Account, at time.Time) (int64, error)
}

// Holders is what Events reads of the read model.
type Holders interface {
	// Live returns the generation to read.
	Live(ctx context.Context) (int64, error)
	// HolderAccounts returns the accounts of a holder.
	HolderAccounts(ctx context.Context, tenant, holder string) ([]HolderRow, error)
}

// Events lists the events of all accounts. It may be used concurrently.
type Events struct {
	table   table.Table
	journal Journal
	holders Holders
	now     func() time.Time
}

// NewEvents returns the events that the index in t leads to. now is the time that Retention counts
// back from.
func NewEvents(t table.Table, j Journal, h Holders, now func() time.Time) *Events {
	return &Events{table: t, journal: j, holders: h, now: now}
}

// CompleteFrom returns the time from which the index has every event that is projected.
func (x *Events) CompleteFrom(ctx context.Context) (time.Time, error) {
	generation, err := x.holders.Live(ctx)
	if err != nil {
		return time.Time{}, err
	}
	mark, err := LoadMark(ctx, x.table, generation)
	return mark.CompleteFrom(x.now()), err
}

// List returns up to limit events, newest first, after a position; next is the position of the
// following page, "" at the end. A page may be short, even empty, without being the last. It
// lists all events of a holder, and otherwise none older than Retention.
func (x *Events) List(ctx context.Context, f Filter, after string, limit int) (page []Found, next string, err error) {
	at, err := parsePosition(after)
	if err != nil {
		return nil, "", err
	}
	m, err := x.open(ctx, f, at)
	if err != nil {
		return nil, "", err
	}
	for examined := 0; examined < maxExamined; {
		leads, err := m.next(ctx, min(limit-len(page), maxExamined-examined))
		if err != nil || len(leads) == 0 {
			return page, "", err
		}
		entries, err := x.read(ctx, f.Tenant, leads)
		if err != nil {
			return nil, "", err
		}
		examined += len(leads)
		for i, e := range entries {
			below := int64(0) // the version before which the entry's events are still to list
			if leads[i].at == at.place {
				below = at.below
			}
			at.place = leads[i].at
			page, at.below = take(page, f, e, below, limit)
			if len(page) == limit {
				return page, at.String(), nil
			}
		}
	}
	return page, at.String(), nil
}

// take adds the selected events of an entry, newest first, to a page, up to its limit. It returns
// the version before which the entry's events are left; e is nil for a lead without an entry.
func take(page []Found, f Filter, e *event.Entry, below int64, limit int) ([]Found, int64) {
	if e == nil {
		return page, 1
	}
	for _, ev := range slices.Backward(e.Events) {
		if below != 0 && ev.Version >= below || !f.Matches(e, ev) {
			continue
		}
		page = append(page, Found{ev, e})
		if len(page) == limit {
			return page, ev.Version
		}
	}
	return page, e.First
}

// read returns the entries that leads lead to, in their order; nil for one that the journal does
// not have.
func (x *Events) read(ctx context.Context, tenant string, leads []lead) ([]*event.Entry, error) {
	entries := make([]*event.Entry, len(leads))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readParallel)
	for i, l := range leads {
		group.Go(func() (err error) {
			entries[i], err = x.entry(ctx, tenant, l)
			return err
		})
	}
	return entries, group.Wait()
}

// entry returns the entry of a lead.
func (x *Events) entry(ctx context.Context, tenant string, l lead) (*event.Entry, error) {
	if l.entry != nil {
		return l.entry, nil
	}
	p, ok := parsePlace(l.at)
	if !ok {
		return nil, nil
	}
	e, err := x.journal.Entry(ctx, event.Account{Tenant: tenant, ID: p.account}, p.first)
	if errors.Is(err, journal.ErrNoEvent) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the entry of %s v%d: %w", p.account, p.first, err)
	}
	if placeOf(e).String() != l.at {
		return nil, nil
	}
	return e, nil
}

// position is where a list continues: at a place, with its events before a version. The zero
// position is the beginning.
type position struct {
	place string
	below int64
}

// String returns the position as a cursor has it.
func (p position) String() string { return p.place + "#" + strconv.FormatInt(p.below, 10) }

// parsePosition returns the position that String returned as text; an empty text is the beginning.
// It checks everything that is given to a store.
func parsePosition(text string) (position, error) {
	if text == "" {
		return position{}, nil
	}
	cut := strings.LastIndexByte(text, '#')
	if cut < 0 {
		return position{}, ErrPosition
	}
	below, err := strconv.ParseInt(text[cut+1:], 10, 64)
	if _, ok := parsePlace(text[:cut]); !ok || err != nil || below < 1 {
		return position{}, ErrPosition
	}
	return position{text[:cut], below}, nil
}
