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

// Waiter reads an account's row once it is at a version, as the Wait of a *readmodel.Rows does.
type Waiter[S any] func(ctx context.Context, a event.Account, minVersion int64, wait time.Duration) (readmodel.Row[S], error)

// Present is an account's row at the present moment, waited for as the moment says. The journal
// knows what is only late from what there is not: account-not-found for an account that it does not
// have, at once; version-not-found, after the wait, for a version beyond its head;
// projection-behind for the rest, and when the journal cannot say.
func Present[S any](ctx context.Context, r *journal.Reader, a event.Account, m Moment, wait Waiter[S]) (readmodel.Row[S], error) {
	row, err := wait(ctx, a, m.MinVersion, 0)
	if !late(err) {
		return row, asUnavailable(err)
	}
	head, known := headOf(ctx, r, a)
	if known && head == 0 {
		return row, web.Refuse(AccountNotFound).Of(a.ID, 0)
	}
	if m.Wait > 0 {
		row, err = wait(ctx, a, m.MinVersion, m.Wait)
		if !late(err) {
			return row, asUnavailable(err)
		}
		head, known = headOf(ctx, r, a)
	}
	if known && m.MinVersion > head {
		return row, web.Refuse(VersionNotFound).Of(a.ID, head)
	}
	return row, behind(a, row, err)
}

// late says whether a row is missing, or not at the version that was asked for.
func late(err error) bool {
	return errors.Is(err, readmodel.ErrNoRow) || errors.Is(err, readmodel.ErrBehind)
}

// headOf is the account's newest version, 0 for none, and whether the journal could say.
func headOf(ctx context.Context, r *journal.Reader, a event.Account) (version int64, known bool) {
	head, err := r.Head(ctx, a)
	return head.State.Version, err == nil
}

func asUnavailable(err error) error {
	if err == nil {
		return nil
	}
	return RowsUnavailable(err)
}

// behind is the problem of a row that is late: the versions that it is at and that would have done.
// One that is missing lacks at least its first version; one that was set aside there says so.
func behind[S any](a event.Account, row readmodel.Row[S], err error) *web.Problem {
	at, wanted := int64(0), max(row.BlockedAt, 1)
	var late *readmodel.BehindError
	if errors.As(err, &late) {
		at, wanted = late.Version, late.Wanted
	}
	return web.Refuse(ProjectionBehind).Of(a.ID, at).With("version", at).With("wanted", wanted)
}
