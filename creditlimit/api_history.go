package creditlimit

import (
	"context"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/web"
)

// maxChain is how many decisions are followed back, each by a read of the state before it. Where
// there are more the history is scanned, and where so many reads take longer than that: a read
// takes about as long as perRead events of a scan.
const (
	maxChain = 500
	perRead  = 20
)

// history lists the decisions on the limit, including the one at the opening.
func (a *API) history(c echo.Context) error {
	of, err := api.PathAccount(c)
	if err != nil {
		return err
	}
	q := web.ParseQuery(c)
	from, limit, scope := int64(1), q.Limit(), "limits|"+of.String()
	q.CursorNumbers(scope, &from)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	head, err := api.ExistingHead(ctx, a.journal, of)
	if err != nil {
		return err
	}
	page, next, err := a.decisions(ctx, of, head.State, from, limit)
	if err != nil {
		return err
	}
	cursor := ""
	if next > 0 {
		cursor = web.EncodeCursor(scope, web.Numbers(next))
	}
	list := History{AccountID: of.ID, Currency: head.State.Currency, Decisions: make([]Decision, len(page)), Page: api.NextPage(c, cursor)}
	for i, r := range page {
		list.Decisions[i] = decisionOf(of, r)
	}
	return web.ReplyJSON(c, http.StatusOK, list)
}

// decisions returns a page of the decisions from a version on, oldest first, and the version that
// the next page begins at. Each state names the decision that its limit is of, so that they are
// found without reading what lies between them.
func (a *API) decisions(ctx context.Context, of event.Account, s account.State, from int64, limit int) (page []api.Recorded, next int64, err error) {
	var versions []int64 // newest first
	most := min(maxChain, int(min(s.Version-from, maxChain*perRead))/perRead+1)
	for s.LimitVersion >= from && s.LimitVersion > 0 {
		if len(versions) == most {
			return api.History(ctx, a.journal, of, from, 0, limit, decides)
		}
		if versions = append(versions, s.LimitVersion); s.LimitVersion == 1 {
			break
		}
		if s, err = a.journal.StateAt(ctx, of, s.LimitVersion-1); err != nil {
			return nil, 0, api.Unavailable(err)
		}
	}
	slices.Reverse(versions)
	for _, version := range versions {
		ev, entry, err := a.journal.Event(ctx, of, version)
		if err != nil {
			return nil, 0, api.Unavailable(err)
		}
		if !decides(ev) {
			continue // the opening of an account without a limit
		}
		if len(page) == limit {
			return page, version, nil
		}
		page = append(page, api.Recorded{Event: ev, Entry: entry})
	}
	return page, 0, nil
}

// decides reports whether an event set the limit.
func decides(ev event.Event) bool {
	switch b := ev.Body.(type) {
	case event.AccountOpened:
		return b.CreditLimit > 0
	case event.CreditLimitChanged:
		return true
	}
	return false
}

// decisionOf renders a decision.
func decisionOf(of event.Account, r api.Recorded) Decision {
	d := Decision{EventID: of.EventID(r.Version), Version: r.Version, RecordedAt: api.Time{Time: r.Entry.RecordedAt}}
	switch b := r.Body.(type) {
	case event.AccountOpened:
		d.After = b.CreditLimit
	case event.CreditLimitChanged:
		d.Before, d.After, d.ExpiresAt, d.Reason = b.Before, b.After, api.Time{Time: b.ExpiresAt}, b.Reason
		d.DecidedBy, d.DecisionRef = event.Text{Plain: b.DecidedBy}, event.Text{Plain: b.DecisionRef}
		d.Forced, d.ExpiredVersion = b.Forced, b.ExpiredVersion
	}
	return d
}
