package archived

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/segment"
)

const (
	// maxRows is how many rows a page reads, unless the segments of one instant have more.
	maxRows = 200_000
	// atOnce is how many pages are read at once: each has a segment in memory.
	atOnce = 2
	// deadline bounds a page. A request has 10 s.
	deadline = 8 * time.Second
)

// Origin checks where an entry is from.
type Origin interface {
	// Check returns event.ErrForeign for an entry that the bank did not make.
	Check(ctx context.Context, e *event.Entry) error
}

// Config is what Events reads.
type Config struct {
	// Bucket has the archive, whose bank has this id.
	Bucket bucket.Bucket
	Bank   string
	// Origin checks where entries are from; nil takes all of them.
	Origin Origin
}

// Events lists the events of an archive. It may be used concurrently.
type Events struct {
	config Config
	slots  chan struct{}
	plans  plans
	rows   int64
}

// New returns the events of an archive.
func New(c Config) *Events {
	return &Events{config: c, slots: make(chan struct{}, atOnce), rows: maxRows}
}

// List returns up to limit events, newest first, from a position on; next is the position of the
// following page, nil at the end. A page may be short, even empty, without being the last. It
// passes over the holder of the filter.
func (x *Events) List(ctx context.Context, f derived.Filter, at derived.Position, limit int) (found []derived.Found, next *derived.Position, err error) {
	select {
	case x.slots <- struct{}{}:
		defer func() { <-x.slots }()
	default:
		return nil, nil, derived.ErrBusy
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	plan, err := x.plans.load(ctx, x.config)
	if err != nil {
		return nil, nil, damageOf(err)
	}
	from := int64(0)
	if !f.From.IsZero() {
		from = f.From.UnixMicro()
	}
	if to := derived.Before(f.To); !f.To.IsZero() && at.Precedes(to) {
		at = to
	}
	best, rows := &newest{filter: f, at: at, limit: limit}, int64(0)
	for _, p := range partsOf(plan, from, at.Newest()) {
		rest := derived.Before(time.UnixMicro(p.to + 1)) // what this part and those after it may have
		sure := len(best.after(p.to))
		moved := sure > 0 || at.Precedes(rest)
		if sure < limit && (!moved || rows == 0 || rows+p.rows <= x.rows) {
			err := x.read(ctx, p, best)
			if rows += p.rows; err == nil {
				continue
			}
			if !moved || !endsPage(err) {
				return nil, nil, err
			}
		}
		found, last := page(best.after(p.to))
		if len(found) == limit {
			return found, &last, nil
		}
		return found, &rest, nil
	}
	found, last := page(best.after(from - 1))
	if len(found) == limit {
		next = &last
	}
	return found, next, nil
}

// endsPage reports whether an error belongs to what is left, so that what was found before can be
// answered.
func endsPage(err error) bool {
	var damage *derived.DamageError
	return errors.As(err, &damage) || errors.Is(err, context.DeadlineExceeded)
}

// read adds the entries of a part that the filter's tenant has.
func (x *Events) read(ctx context.Context, p part, to *newest) error {
	if p.gap != "" {
		return &derived.DamageError{What: p.gap}
	}
	opened, err := segment.Open(ctx, x.config.Bucket, p.key)
	if err != nil {
		return damageOf(err)
	}
	for r, err := range opened.RecordsOf(segment.Exact, func(tenant, _ string) bool { return tenant == to.filter.Tenant }) {
		if err = errors.Join(ctx.Err(), err); err != nil {
			return damageOf(err)
		}
		if err := x.take(ctx, r.Entry, to); err != nil {
			return err
		}
	}
	return nil
}

// take adds an entry, unless the bank did not make it.
func (x *Events) take(ctx context.Context, e *event.Entry, to *newest) error {
	if !to.wants(e) {
		return nil
	}
	if x.config.Origin != nil {
		if err := x.config.Origin.Check(ctx, e); errors.Is(err, event.ErrForeign) {
			return nil
		} else if err != nil {
			return fmt.Errorf("check %s v%d: %w", e.Account(), e.First, err)
		}
	}
	to.add(e)
	return nil
}

// damageOf returns a DamageError of a segment that cannot be used, and any other error as it is.
func damageOf(err error) error {
	if segment.Unusable(err) {
		return &derived.DamageError{What: err.Error()}
	}
	return err
}
