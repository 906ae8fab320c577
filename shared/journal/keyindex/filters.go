package keyindex

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/event"
	"passbook/shared/table"
)

// filterDeadline bounds the making of a filter.
const filterDeadline = 30 * time.Second

// Wanted is a filter that is to be made. Its pages are complete.
type Wanted struct {
	Account event.Account
	Number  int64
}

// FilterKey returns the table's key of an account's filter, in the partition of its entries.
func FilterKey(a event.Account, filter int64) table.Key {
	return table.Key{PK: a.String(), SK: fmt.Sprintf("F#%012d", filter*FilterPages*PageSpan+1)}
}

// want asks for a filter, if there is room.
func (s Store) want(w Wanted) {
	select {
	case s.Filters <- w:
	default:
	}
}

// MakeFilters makes the filters that are asked for, one after another, until ctx ends. One that
// could not be made is asked for again after the next load: filters only save reading.
func (s Store) MakeFilters(ctx context.Context) {
	for {
		select {
		case w := <-s.Filters:
			_ = s.MakeFilter(ctx, w)
		case <-ctx.Done():
			return
		}
	}
}

// MakeFilter makes a filter of its pages and stores it, once they are all stored, so that an audit
// can compare them. One that is there already is the same.
func (s Store) MakeFilter(ctx context.Context, w Wanted) error {
	ctx, cancel := context.WithTimeout(ctx, filterDeadline)
	defer cancel()
	pages, all, err := s.pagesOf(ctx, w.Account, w.Number)
	if err != nil || !all {
		return err
	}
	f := newFilter(w.Number, pages)
	err = s.Table.Put(ctx, table.Put{Table: s.Name, If: table.Absent(), Row: table.Row{Key: FilterKey(w.Account, w.Number), Attrs: table.Map{
		"bits": table.B(f.Bits), "times": table.B(f.Times),
	}}})
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("put key filter %d of %s: %w", w.Number, w.Account, err)
	}
	return nil
}

// filter returns filter g, and whether it is stored.
func (s Store) filter(ctx context.Context, stored *reader, g int64) (f Filter, found bool, err error) {
	row, found, err := stored.row(ctx, FilterKey(stored.account, g))
	if err != nil || !found {
		return f, false, err
	}
	f, err = ParseFilter(row, g)
	return f, true, err
}

// ParseFilter returns filter g from its row.
func ParseFilter(row table.Row, g int64) (Filter, error) {
	r := table.NewReader(row.Attrs)
	f, err := StoredFilter(g, r.Bytes("bits"), r.Bytes("times"))
	if r.Bad() != "" || err != nil {
		return Filter{}, fmt.Errorf("key filter %s %s: %w", row.PK, row.SK, event.ErrDamaged)
	}
	return f, nil
}
