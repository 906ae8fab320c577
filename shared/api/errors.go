package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/dryrun"
	"passbook/shared/readmodel"
	"passbook/shared/web"
)

// failure is an error with the problem type that stands for it.
type failure struct {
	err     error
	problem web.ProblemType
}

// failures maps errors to problem types. It is the only place where Go errors turn into HTTP. The
// first match wins.
var failures = []failure{
	{journal.ErrContention, WriteContention},
	{journal.ErrOutcomeUnknown, OutcomeUnknown},
	{journal.ErrClockSkew, ClockSkew},
	{journal.ErrStorageFull, StorageFull},
	{journal.ErrOverloaded, web.Overloaded},
	{journal.ErrRateLimited, RateLimited},
	{journal.ErrShuttingDown, web.ShuttingDown},
	{journal.ErrUnavailable, JournalUnavailable},
	{dryrun.ErrFull, DryRunTooLarge},
	{errRows, ProjectionUnavailable},
	{journal.ErrNoEvent, VersionNotFound},
	{readmodel.ErrNoRow, AccountNotFound},
	{readmodel.ErrBehind, ProjectionBehind},
	// A read that did not return in time. outcome has turned that of a command into outcome-unknown
	// before.
	{context.DeadlineExceeded, JournalUnavailable},
	{context.Canceled, JournalUnavailable},
}

// problemOf returns the problem that stands for an error. An error that is not in the table is an
// internal error, whose text goes to the log.
func problemOf(err error) *web.Problem {
	if p, ok := web.AsProblem(err); ok {
		return p
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return web.Refuse(f.problem)
		}
	}
	return web.ProblemOf(err)
}

// Unavailable marks the error of a read of the journal as JournalUnavailable, unless it is a
// problem or one of the errors above.
func Unavailable(err error) error { return unavailable(journal.ErrUnavailable, err) }

// RowsUnavailable marks the error of a read of a read model's rows as ProjectionUnavailable, unless
// it is a problem or one of the errors above.
func RowsUnavailable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %w", errRows, err)
	}
	return unavailable(errRows, err)
}

// errRows means that the rows of a read model cannot be read.
var errRows = errors.New("api: read model unavailable")

func unavailable(what, err error) error {
	if _, ok := web.AsProblem(err); ok || slices.ContainsFunc(failures, func(f failure) bool { return errors.Is(err, f.err) }) {
		return err
	}
	return fmt.Errorf("%w: %w", what, err)
}

// outcome returns the error of a command. When its time ends after it was handed to the journal,
// its outcome is unknown.
func outcome(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return journal.ErrOutcomeUnknown
	}
	return err
}

// refusal turns what the rules or the journal refused into a problem.
func refusal(rc journal.Receipt, accountID string) *web.Problem {
	p := &web.Problem{ProblemType: problemType(rc.Rejection.Code), AccountID: accountID, AccountVersion: rc.Version, Replayed: rc.Replayed}
	for _, name := range slices.Sorted(maps.Keys(rc.Rejection.Details)) {
		switch v := rc.Rejection.Details[name].(type) {
		case []web.FieldError:
			p.Errors = v
		case int64, string:
			p.Members = append(p.Members, web.Member{Name: name, Value: v})
		default:
			// A mistake in the rules must not turn a refusal into a crash.
			p.Members = append(p.Members, web.Member{Name: name, Value: fmt.Sprint(v)})
		}
	}
	return p
}

// ReversalIn returns the receipt of a reversal in a direction. Both services have a command of this
// name and form, with different scopes: where the key's first answer is that of the other one, the
// key was used for a different command.
func ReversalIn(direction string, r journal.Receipt) journal.Receipt {
	if !r.Replayed || r.Entry == nil {
		return r
	}
	for _, e := range r.Entry.Events {
		if e.Version < r.Command.First || e.Version > r.Command.Last {
			continue
		}
		other := false
		switch b := e.Body.(type) {
		case event.TransactionReversed:
			other = b.Direction != direction
		case event.WithdrawalDeclined: // only a debit can lack funds
			other = direction != event.DirectionDebit
		}
		if other {
			return journal.Receipt{Account: r.Account, Rejection: &account.Rejection{Code: account.CodeKeyReused}, Version: r.Command.Last}
		}
	}
	return r
}
