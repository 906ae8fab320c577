package account

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"passbook/shared/console/view"
)

const (
	// onPage is how many versions a page of a tab covers; the API answers one more with it, whose
	// balance is the opening one.
	onPage = 99
	// declineSpan is how many versions are searched for declines at a time, and declineSpans how
	// often, before the page says where it stopped.
	declineSpan, declineSpans = 1000, 5
	// countMost is how long the page waits for the counts beside the names of the tabs, which
	// another service may answer than the tab's.
	countMost = time.Second
)

// tab is what a tab shows. Only the members of the page's tab are set, and the counts.
type tab struct {
	// Events are newest first.
	Events []event
	// Opening is the posted balance before the oldest of Events, and Closing that after the newest.
	Opening, Closing int64
	First, Last      int64
	Older            string
	HoldCount        int64
	DeclineCount     int64
	Holds            []hold
	Decisions        []decision
	Explained        *explanation
	Amount           string
	AmountFault      string
	Raw              string
	Source           string
}

// hold is an open hold, as the API answers it.
type hold struct {
	HoldID    string `json:"hold_id"`
	Amount    int64  `json:"amount"`
	PlacedAt  string `json:"placed_at"`
	ExpiresAt string `json:"expires_at"`
}

// decision is a decision on the limit, as the API answers it.
type decision struct {
	EventID     string   `json:"event_id"`
	Version     int64    `json:"version"`
	RecordedAt  string   `json:"recorded_at"`
	Before      int64    `json:"before"`
	After       int64    `json:"after"`
	ExpiresAt   string   `json:"expires_at"`
	Reason      sealable `json:"reason"`
	DecidedBy   sealable `json:"decided_by"`
	DecisionRef sealable `json:"decision_ref"`
	Forced      bool     `json:"forced"`
}

// explanation is what a withdrawal would meet, as the API answers it.
type explanation struct {
	Amount    int64  `json:"amount"`
	Accepted  bool   `json:"accepted"`
	Code      string `json:"code"`
	Available int64  `json:"available"`
	Posted    int64  `json:"posted"`
	Held      int64  `json:"held"`
	Limit     int64  `json:"limit"`
	Shortfall int64  `json:"shortfall"`
	Own       int64  `json:"from_own"`
	Credit    int64  `json:"from_credit"`
	Holds     []hold `json:"holds"`
	Draws     []struct {
		EventID string `json:"event_id"`
		Version int64  `json:"version"`
		Type    string `json:"type"`
		Amount  int64  `json:"amount"`
		Credit  int64  `json:"from_credit"`
	} `json:"draws"`
}

// readTab reads the tab of a place at its moment.
func readTab(r *view.Request, at place, then balance) (t tab, err error) {
	switch at.tab {
	case "holds":
		err = t.readHolds(r.Ctx(), r, at)
	case "limit":
		err = t.readLimit(r, at, then)
	case "declines":
		err = t.readDeclines(r, at, then)
	case "raw":
		err = t.readRaw(r, at, then)
	default:
		err = t.readEvents(r, at, then)
	}
	t.count(r, at, then)
	return t, err
}

// count reads the counts of the other tabs; they stay 0 where they are not known within countMost.
func (t *tab) count(r *view.Request, at place, then balance) {
	ctx, cancel := context.WithTimeout(r.Ctx(), countMost)
	defer cancel()
	if t.HoldCount == 0 && then.Held > 0 && at.tab != "holds" {
		count := tab{}
		if count.readHolds(ctx, r, at) == nil {
			t.HoldCount = count.HoldCount
		}
	}
	t.DeclineCount = declineCount(ctx, r, at)
}

// declineCount returns how many declines there were up to the moment of a place; 0 where that is
// not known.
func declineCount(ctx context.Context, r *view.Request, at place) int64 {
	path := at.api("/credit-limit")
	if at.version != "" {
		path += "?version=" + at.version
	}
	var answer struct {
		Declines int64 `json:"declines"`
	}
	if _, err := r.API.Get(ctx, path, &answer); err != nil {
		return 0
	}
	return answer.Declines
}

// newest returns the newest version of a page of a tab.
func newest(at place, then balance) int64 {
	before, err := strconv.ParseInt(at.before, 10, 64)
	if err != nil || before < 2 || before > then.Version {
		return then.Version
	}
	return before - 1
}

// older returns the address of the page that ends before a version, none at the first.
func older(at place, first int64) string {
	if first <= 1 {
		return ""
	}
	at.before = strconv.FormatInt(first, 10)
	return at.href() + "#tabs"
}

// readEvents reads a page of events, and with it the balance before them.
func (t *tab) readEvents(r *view.Request, at place, then balance) error {
	t.Last = newest(at, then)
	t.First = max(1, t.Last-onPage+1)
	from := max(1, t.First-1)
	t.Source = at.api("/events?from_version=" + strconv.FormatInt(t.First, 10))
	if at.tab == "statement" {
		t.Source = at.api("/statement")
	}
	events, err := readEvents(r, at, from, int(t.Last-from+1), "")
	if err != nil {
		return err
	}
	if from < t.First && len(events) > 0 {
		t.Opening, events = events[0].After.Posted, events[1:]
	}
	slices.Reverse(events)
	if len(events) > 0 {
		t.Closing = events[0].After.Posted
	}
	if at.tab == "statement" {
		events = slices.DeleteFunc(events, func(e event) bool { return e.In() == 0 && e.Out() == 0 && e.Declined() == 0 })
	}
	t.Events, t.Older = events, older(at, t.First)
	return nil
}

// readDeclines searches back for declines, until some are found or enough was read.
func (t *tab) readDeclines(r *view.Request, at place, then balance) error {
	t.Source = at.api("/events?type=WithdrawalDeclined")
	t.Last = newest(at, then)
	t.First = t.Last + 1
	for range declineSpans {
		end := t.First - 1
		t.First = max(1, end-declineSpan+1)
		found, err := declinesWithin(r, at, t.First, end)
		if err != nil {
			return err
		}
		slices.Reverse(found)
		if t.Events = append(t.Events, found...); t.First == 1 || len(t.Events) >= onPage {
			break
		}
	}
	t.Older = older(at, t.First)
	return nil
}

// declinesWithin returns the declines of a span of versions, oldest first.
func declinesWithin(r *view.Request, at place, from, to int64) (all []event, err error) {
	for from <= to {
		page, err := readEvents(r, at, from, 100, "WithdrawalDeclined")
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Version <= to {
				all = append(all, e)
			}
		}
		if len(page) < 100 {
			break
		}
		from = page[len(page)-1].Version + 1
	}
	return all, nil
}

// readHolds reads the open holds: now, or, from an explanation, those of the past.
func (t *tab) readHolds(ctx context.Context, r *view.Request, at place) error {
	path := at.api("/holds")
	if at.version != "" {
		path = at.api("/credit-limit/explain?amount=1&version=" + at.version)
	}
	t.Source = path
	var answer struct {
		Holds []hold `json:"holds"`
	}
	if _, err := r.API.Get(ctx, path, &answer); err != nil {
		return err
	}
	t.Holds, t.HoldCount = answer.Holds, int64(len(answer.Holds))
	return nil
}

// readLimit reads the decisions on the limit, newest first, and explains an amount if one was
// entered.
func (t *tab) readLimit(r *view.Request, at place, then balance) error {
	t.Source, t.Amount = at.api("/credit-limit/history"), at.amount
	q := url.Values{"limit": {"100"}}
	for pages := 0; pages < 10; pages++ {
		var answer struct {
			Decisions  []decision `json:"decisions"`
			NextCursor string     `json:"next_cursor"`
		}
		if _, err := r.API.Get(r.Ctx(), at.api("/credit-limit/history?"+q.Encode()), &answer); err != nil {
			return err
		}
		for _, d := range answer.Decisions {
			if d.Version <= then.Version {
				t.Decisions = append(t.Decisions, d)
			}
		}
		if answer.NextCursor == "" {
			break
		}
		q.Set("cursor", answer.NextCursor)
	}
	slices.Reverse(t.Decisions)
	if at.amount == "" {
		return nil
	}
	minor, ok := minorUnits(at.amount, then.Currency)
	if !ok {
		t.AmountFault = "An amount above 0, such as 25.00."
		return nil
	}
	path := at.api("/credit-limit/explain?amount=" + strconv.FormatInt(minor, 10))
	if at.version != "" {
		path += "&version=" + at.version
	}
	t.Source, t.Explained = path, new(explanation)
	if _, err := r.API.Get(r.Ctx(), path, t.Explained); err != nil {
		t.Explained = nil
		return err
	}
	return nil
}

// readRaw reads the newest event of the moment as the API answers it.
func (t *tab) readRaw(r *view.Request, at place, then balance) error {
	t.Source = at.api("/balance")
	if at.version != "" {
		t.Source += "?version=" + at.version
	}
	for _, path := range []string{t.Source, at.api("/events?from_version=" + strconv.FormatInt(then.Version, 10) + "&limit=1")} {
		answer, err := r.API.Get(r.Ctx(), path, nil)
		if err != nil {
			return err
		}
		var text bytes.Buffer
		if err := json.Indent(&text, answer.Body, "", "  "); err != nil {
			return err
		}
		t.Raw += "GET " + path + "\n" + text.String() + "\n\n"
	}
	return nil
}
