package opslog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"passbook/shared/control"
	"passbook/shared/table"
)

// Kept is how long an action stays in the log.
const Kept = 400 * 24 * time.Hour

// The states of an action.
const (
	// Begun says that it runs, or that its process died before it could say how it ended.
	Begun     = "begun"
	Done      = "done"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// The most bytes of an action's fields. MaxReason is in characters, and callers refuse a longer
// one.
const (
	MaxReason = 140
	maxActor  = 64
	maxParams = 2 << 10
	maxError  = 1 << 10
)

const (
	// trimMost bounds the rows that Trim removes.
	trimMost = 500
	// scanMost bounds the rows that List reads for one page: a page of a tenant with few actions
	// may be short without being the last.
	scanMost = 2000
)

// Action is one thing that was done to the bank.
type Action struct {
	// ID sorts by time. Begin makes it, and At, where they are not given.
	ID string
	// Job is the job's name, Actor who had it done, Tenant the tenant that it was about, empty for
	// all.
	Job, Actor, Tenant string
	// Reason is why, in the words of who had it done; Params are the job's parameters as JSON.
	Reason, Params string
	At             time.Time
	// State says how it ended; EndedAt and ExitCode are set unless it is Begun, and Error says why
	// it failed.
	State    string
	EndedAt  time.Time
	ExitCode int64
	Error    string
}

// Outcome is how an action ended.
type Outcome struct {
	State    string
	ExitCode int64
	Error    string
	// At is when; End makes it where it is not given.
	At time.Time
}

// Begin writes the row of an action that is about to begin, and returns the action with its id and
// time. After an error nothing may be done: nobody would know of it.
func Begin(ctx context.Context, t table.Table, a Action) (Action, error) {
	if a.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return a, fmt.Errorf("write the operators' log: %w", err)
		}
		a.ID = id.String()
	}
	a.At, a.State = orNow(a.At), Begun
	a.Actor, a.Params = cut(a.Actor, maxActor), cut(a.Params, maxParams)
	if err := control.OpsLog(t).Put(ctx, a.ID, a.attrs(), nil); err != nil {
		return a, fmt.Errorf("write the operators' log: %w", err)
	}
	return a, nil
}

// End writes how the action ended into its row.
func (a Action) End(ctx context.Context, t table.Table, o Outcome) error {
	a.State, a.ExitCode, a.Error = o.State, o.ExitCode, cut(o.Error, maxError)
	a.EndedAt = orNow(o.At)
	if err := control.OpsLog(t).Put(ctx, a.ID, a.attrs(), table.N(1)); err != nil {
		return fmt.Errorf("write the outcome of %s %s into the operators' log: %w", a.Job, a.ID, err)
	}
	return nil
}

// orNow returns an instant, or the present where there is none, as rows have it.
func orNow(at time.Time) time.Time {
	if at.IsZero() {
		at = time.Now()
	}
	return at.UTC().Truncate(time.Microsecond)
}

// Page asks for a page of the log.
type Page struct {
	// Tenant has only the actions about it; empty has all.
	Tenant string
	// Job has only the actions of one job; empty has all.
	Job string
	// Before is the id of the last action of the page before; empty for the first.
	Before string
	// Limit is the most actions of the page.
	Limit int
}

// List returns a page of the log, newest first. next is the Before of the page that follows, empty
// at the end of the log.
func List(ctx context.Context, t table.Table, p Page) (page []Action, next string, err error) {
	read, before := 0, p.Before
	for read < scanMost {
		most := min(p.Limit+1, scanMost-read)
		rows, err := control.OpsLog(t).Range(ctx, "", before, true, most+1) // the row at before comes again
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			if row.SK == before {
				continue
			}
			if len(page) == p.Limit {
				return page, before, nil
			}
			read, before = read+1, row.SK
			if a := parse(row); (p.Tenant == "" || a.Tenant == p.Tenant) && (p.Job == "" || a.Job == p.Job) {
				page = append(page, a)
			}
		}
		if len(rows) <= most {
			return page, "", nil
		}
	}
	return page, before, nil
}

// Trim removes a bounded number of the oldest rows that are past Kept at now.
func Trim(ctx context.Context, t table.Table, now time.Time) error {
	rows := control.OpsLog(t)
	old, err := rows.Range(ctx, "", firstID(now.Add(-Kept)), false, trimMost)
	if err != nil {
		return err
	}
	for _, row := range old {
		err := rows.Delete(ctx, row.SK, rows.Version(row))
		if err != nil && !errors.Is(err, table.ErrConditionFailed) { // another job removed it
			return fmt.Errorf("remove %s from the operators' log: %w", row.SK, err)
		}
	}
	return nil
}

// firstID returns what sorts before every id of a time and later, and after every earlier one.
func firstID(at time.Time) string {
	hex := fmt.Sprintf("%012x", at.UnixMilli()) // an id begins with its milliseconds
	return hex[:8] + "-" + hex[8:]
}

// cut returns the text up to a number of bytes, in whole characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return strings.ToValidUTF8(text[:most], "")
}
