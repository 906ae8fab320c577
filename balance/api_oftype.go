package balance

import (
	"context"

	"golang.org/x/sync/errgroup"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal/outline"
)

const (
	// typeScan is the most events that are looked through for one page of a type: a page of a rare
	// type may be short without being the last.
	typeScan = 10_000
	// typeWindow is the most versions that are read whole to get at the events of a type among
	// them.
	typeWindow = 1000
)

// ofType reads a page of the account's events of one type, from a version up to the head. next is
// the version at which the next page starts, 0 at the end. It finds them by their outlines.
func (a *API) ofType(ctx context.Context, of event.Account, kind string, from, head int64, limit int) (page []api.Recorded, next int64, err error) {
	if from > head {
		return nil, 0, nil
	}
	to := min(head, from+typeScan-1)
	if to < head {
		next = to + 1
	}
	var versions []int64
	for e, err := range outline.Read(ctx, a.journal, of, from, to) {
		if err != nil {
			return nil, 0, api.Unavailable(err)
		}
		if e.Type != kind {
			continue
		}
		if len(versions) == limit {
			next = e.Version
			break
		}
		versions = append(versions, e.Version)
	}
	if n := len(versions); n > 0 && versions[n-1]-versions[0] < typeWindow {
		page, _, err = api.History(ctx, a.journal, of, versions[0], versions[n-1], limit, func(ev event.Event) bool { return ev.Body.Type() == kind })
		return page, next, err
	}
	if page, err = eventsAt(ctx, a.journal, of, versions); err != nil {
		return nil, 0, api.Unavailable(err)
	}
	return page, next, nil
}

// events is what eventsAt reads of the journal.
type events interface {
	Event(ctx context.Context, of event.Account, version int64) (event.Event, *event.Entry, error)
}

// eventsAt reads the events of an account at versions, in their order and a few at once.
func eventsAt(ctx context.Context, j events, of event.Account, versions []int64) ([]api.Recorded, error) {
	found := make([]api.Recorded, len(versions))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readParallel)
	for i, version := range versions {
		g.Go(func() (err error) {
			found[i].Event, found[i].Entry, err = j.Event(ctx, of, version)
			return err
		})
	}
	return found, g.Wait()
}
