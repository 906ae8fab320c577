package api

import (
	"context"
	"errors"
	"time"

	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/web"
)

// Rows answers what a read model has of an account, at the present or at a moment of the past.
type Rows[S any] struct {
	Journal *journal.Reader
	// Wait reads an account's row once it is at a version, as the Wait of a *readmodel.Rows does.
	Wait func(ctx context.Context, a event.Account, minVersion int64, wait time.Duration) (readmodel.Row[S], error)
	// Past makes the row that there was when the account came to a version that it has come to.
	Past func(ctx context.Context, a event.Account, version int64) (readmodel.Row[S], error)
}

// At returns the account's row at a moment; now is the present.
func (r Rows[S]) At(ctx context.Context, a event.Account, m Moment, now time.Time) (readmodel.Row[S], error) {
	if !m.Past() {
		return r.present(ctx, a, m)
	}
	version, err := m.Resolve(ctx, r.Journal, a, now)
	if err != nil {
		return readmodel.Row[S]{}, err
	}
	return r.Past(ctx, a, version)
}

// present returns an account's row at the present, waited for as the moment says. The journal
// tells a row that is late from one that cannot be: account-not-found for an account that the
// journal does not have, at once; version-not-found, after the wait, for a version beyond its head;
// projection-behind for the rest, and when the journal cannot be read.
func (r Rows[S]) present(ctx context.Context, a event.Account, m Moment) (readmodel.Row[S], error) {
	row, err := r.Wait(ctx, a, m.MinVersion, 0)
	if !late(err) {
		return row, rowsUnavailable(err)
	}
	head, known := int64(0), false
	if row.Version == 0 || m.Wait == 0 { // an account with a row is the journal's
		if head, known = headOf(ctx, r.Journal, a); known && head == 0 {
			return row, web.Refuse(AccountNotFound).Of(a.ID, 0)
		}
	}
	if m.Wait > 0 {
		if row, err = r.Wait(ctx, a, m.MinVersion, m.Wait); !late(err) {
			return row, rowsUnavailable(err)
		}
		head, known = headOf(ctx, r.Journal, a)
	}
	if known && m.MinVersion > head {
		return row, web.Refuse(VersionNotFound).Of(a.ID, head)
	}
	return row, behind(a, row, err)
}

// late reports whether a row is missing, or not at the version that was asked for.
func late(err error) bool {
	return errors.Is(err, readmodel.ErrNoRow) || errors.Is(err, readmodel.ErrBehind)
}

// headOf returns the account's newest version, 0 for none, and whether the journal could be read.
func headOf(ctx context.Context, r *journal.Reader, a event.Account) (version int64, known bool) {
	head, err := r.Head(ctx, a)
	return head.State.Version, err == nil
}

// rowsUnavailable returns RowsUnavailable of an error, and nil of none.
func rowsUnavailable(err error) error {
	if err == nil {
		return nil
	}
	return RowsUnavailable(err)
}

// behind returns the problem of a row that is late: the version that it is at and the one that is
// wanted. A row that is missing lacks at least its first version; a quarantined row lacks the one
// that it is blocked at.
func behind[S any](a event.Account, row readmodel.Row[S], err error) *web.Problem {
	at, wanted := int64(0), max(row.QuarantinedAt, 1)
	var late *readmodel.BehindError
	if errors.As(err, &late) {
		at, wanted = late.Version, late.Wanted
	}
	return web.Refuse(ProjectionBehind).Of(a.ID, at).With("version", at).With("wanted", wanted)
}
