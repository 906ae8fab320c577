package opsread

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/labstack/echo/v4"

	"passbook/shared/api"
	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/money"
	"passbook/shared/segment"
	"passbook/shared/web"
)

// maxTotalRows bounds the rows that are read for the totals of a day.
const maxTotalRows = 200_000

// DayTotals is what the archive's events of a day add up to.
type DayTotals struct {
	Day string `json:"day"`
	// Rows is how many there are. Above MostRows none is read, and there are no currencies: a SQL
	// engine adds them up.
	Rows     int64 `json:"rows"`
	MostRows int64 `json:"most_rows"`
	// Damaged counts the segments and entries that could not be read, and are not in the sums.
	Damaged    int             `json:"damaged,omitempty"`
	Currencies []CurrencyTotal `json:"currencies"`
}

// CurrencyTotal is what the events of a day in one currency add up to, each (account, version)
// once, in minor units.
type CurrencyTotal struct {
	Currency string `json:"currency"`
	Exponent int    `json:"exponent"`
	Accounts int64  `json:"accounts"`
	Events   int64  `json:"events"`
	// In is what was posted to accounts, Out what was taken from them; a reversal counts where its
	// money goes.
	In  int64 `json:"in"`
	Out int64 `json:"out"`
}

// totals answers with the totals of a day.
func (r *Reads) totals(c echo.Context) error {
	q := web.ParseQuery(c)
	day := takeDay(q)
	if err := q.Problem(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	plan, _, err := r.plan(ctx)
	if err != nil {
		return err
	}
	plan = plan.Filter(func(s archive.Planned) bool { return dayOf(s) == day && s.Suspicion == "" })
	answer := DayTotals{Day: day, Rows: plan.Events, MostRows: maxTotalRows, Currencies: []CurrencyTotal{}}
	if plan.Events > maxTotalRows {
		return web.ReplyJSON(c, http.StatusOK, answer)
	}
	of := keysOf(plan)
	if kept, ok := r.dayTotals.get(day, of); ok {
		return web.ReplyJSON(c, http.StatusOK, kept)
	}
	sums := sums{seen: map[event.Account]map[int64]bool{}, of: map[string]*CurrencyTotal{}}
	everyone := func(string, string) bool { return true }
	if err := plan.Read(ctx, r.Bucket, segment.FoldOnly, everyone, sums.take, sums.skip, nil); err != nil {
		return api.Unavailable(fmt.Errorf("add up %s: %w", day, err))
	}
	answer.Damaged = sums.damaged
	for _, total := range sums.of {
		answer.Currencies = append(answer.Currencies, *total)
	}
	slices.SortFunc(answer.Currencies, func(a, b CurrencyTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	if answer.Damaged == 0 {
		r.dayTotals.keep(day, of, answer)
	}
	return web.ReplyJSON(c, http.StatusOK, answer)
}

// maxKeptDays bounds the days whose totals are kept in memory.
const maxKeptDays = 100

// dayTotals keeps the totals of days as long as the days have the same segments, which never
// change. Its zero value is empty. Safe for concurrent use.
type dayTotals struct {
	mu   sync.Mutex
	days map[string]keptDay
}

type keptDay struct {
	segments [sha256.Size]byte
	totals   DayTotals
}

// keysOf returns a hash of the keys of a plan's segments.
func keysOf(p archive.Plan) [sha256.Size]byte {
	keys := sha256.New()
	for _, s := range p.Segments {
		keys.Write([]byte(s.Key + "\n"))
	}
	return [sha256.Size]byte(keys.Sum(nil))
}

// get returns the totals of a day with these segments.
func (k *dayTotals) get(day string, segments [sha256.Size]byte) (DayTotals, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	kept, ok := k.days[day]
	return kept.totals, ok && kept.segments == segments
}

// keep keeps the totals of a day. When there are too many it forgets all: they are added up again.
func (k *dayTotals) keep(day string, segments [sha256.Size]byte, totals DayTotals) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.days == nil || len(k.days) >= maxKeptDays {
		k.days = map[string]keptDay{}
	}
	k.days[day] = keptDay{segments, totals}
}

// sums adds up records, of several segments at once.
type sums struct {
	mu      sync.Mutex
	damaged int
	// seen are the versions that were added: an entry may be in two segments.
	seen map[event.Account]map[int64]bool
	of   map[string]*CurrencyTotal
}

// skip counts what cannot be read.
func (s *sums) skip(*archive.Planned, error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damaged++
	return nil
}

// take adds records.
func (s *sums) take(_ *archive.Planned, records []segment.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records {
		s.add(r.Entry)
	}
	return nil
}

// add adds an entry's events that were not added before.
func (s *sums) add(e *event.Entry) {
	total := s.of[e.Currency]
	if total == nil {
		exponent, _ := money.Exponent(e.Currency)
		total = &CurrencyTotal{Currency: e.Currency, Exponent: exponent}
		s.of[e.Currency] = total
	}
	of := event.Account{Tenant: e.Tenant, ID: e.AccountID}
	if s.seen[of] == nil {
		s.seen[of] = map[int64]bool{}
		total.Accounts++
	}
	for _, ev := range e.Events {
		if s.seen[of][ev.Version] {
			continue
		}
		s.seen[of][ev.Version] = true
		total.Events++
		switch moved := movement(ev.Body); {
		case moved > 0:
			total.In += moved
		default:
			total.Out -= moved
		}
	}
}

// movement returns what an event adds to the posted balance, in minor units.
func movement(body event.Body) int64 {
	switch b := body.(type) {
	case event.MoneyCredited:
		return b.Amount
	case event.MoneyWithdrawn:
		return -b.Amount
	case event.TransactionReversed:
		if b.Direction == event.DirectionDebit {
			return -b.Amount
		}
		return b.Amount
	}
	return 0
}
