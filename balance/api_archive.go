package balance

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/derived"
	"passbook/shared/web"
)

const (
	// ofArchive is what the position of a page of the archive begins with.
	ofArchive = "a"
	// edgeMargin is how long after the time from which the index is complete the archive ends: by
	// then the index still has every event, as long as a page takes.
	edgeMargin = time.Minute
)

// pageOfAll reads a page of the events of all accounts: of the index, which is complete from a
// time, or where the filter asks for older events of the archive. Both have the same order, so the
// archive continues at the position where the index ends.
func (a *API) pageOfAll(ctx context.Context, f derived.Filter, complete time.Time, position string, limit int) ([]derived.Found, string, error) {
	if text, older := strings.CutPrefix(position, ofArchive); older && a.archive != nil && f.Holder == "" {
		at, err := derived.ParsePosition(text)
		if err != nil {
			return nil, "", web.Invalid("cursor", account.FieldSyntax)
		}
		return a.archivedPage(ctx, f, at, limit)
	}
	older := !f.From.IsZero() && f.From.Before(complete) || !f.To.IsZero() && !f.To.After(complete)
	if a.archive == nil || f.Holder != "" || !older {
		return a.indexedPage(ctx, f, position, limit)
	}
	edge := complete.Add(edgeMargin)
	at := derived.Before(edge)
	if position != "" {
		var err error
		if at, err = derived.ParsePosition(position); err != nil {
			return nil, "", web.Invalid("cursor", account.FieldSyntax)
		}
	}
	if position != "" && at.IsBefore(edge) || !f.To.IsZero() && !f.To.After(edge) {
		return a.archivedPage(ctx, f, at, limit)
	}
	recent := f
	if recent.From.Before(edge) {
		recent.From = edge
	}
	page, next, err := a.indexedPage(ctx, recent, position, limit)
	switch at = derived.Before(edge); {
	case err != nil || next != "":
		return page, next, err
	case len(page) > 0:
		return page, ofArchive + at.String(), nil
	}
	return a.archivedPage(ctx, f, at, limit)
}

// indexedPage reads a page of the index, or of the accounts of a holder.
func (a *API) indexedPage(ctx context.Context, f derived.Filter, position string, limit int) ([]derived.Found, string, error) {
	page, next, err := a.all.List(ctx, f, position, limit)
	if errors.Is(err, derived.ErrPosition) {
		return nil, "", web.Invalid("cursor", account.FieldSyntax)
	}
	if err != nil {
		return nil, "", api.RowsUnavailable(err)
	}
	return page, next, nil
}

// archivedPage reads a page of the archive.
func (a *API) archivedPage(ctx context.Context, f derived.Filter, at derived.Position, limit int) ([]derived.Found, string, error) {
	page, next, err := a.archive.List(ctx, f, at, limit)
	var damage *derived.DamageError
	switch {
	case errors.As(err, &damage):
		p := web.Refuse(api.ArchiveDamaged)
		p.Detail = "The list cannot continue: " + damage.What + ". An operator runs audit, which names what closes it; a list that ends after it, or is by holder, is served."
		return nil, "", fmt.Errorf("%w: %w", p, err)
	case errors.Is(err, derived.ErrBusy):
		return nil, "", web.Refuse(web.Overloaded)
	case err != nil:
		return nil, "", fmt.Errorf("%w: %w", web.Refuse(api.ArchiveUnavailable), err)
	case next == nil:
		return page, "", nil
	}
	return page, ofArchive + next.String(), nil
}
