package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"passbook/shared/consumer"
	"passbook/shared/journal"
)

// failure is an error with the code that stands for it.
type failure struct {
	err  error
	code string
}

// failures says which code stands for which error, the one place where Go errors turn into HTTP.
// The first that matches wins.
var failures = []failure{
	{journal.ErrContention, CodeWriteContention},
	{journal.ErrOutcomeUnknown, CodeOutcomeUnknown},
	{journal.ErrClockSkew, CodeClockSkew},
	{journal.ErrStorageFull, CodeStorageFull},
	{journal.ErrOverloaded, CodeOverloaded},
	{journal.ErrRateLimited, CodeRateLimited},
	{journal.ErrShuttingDown, CodeShuttingDown},
	{journal.ErrUnavailable, CodeJournalUnavailable},
	{errRows, CodeProjectionUnavailable},
	{journal.ErrNoEvent, CodeVersionNotFound},
	{consumer.ErrNoRow, CodeAccountNotFound},
	{consumer.ErrBehind, CodeProjectionBehind},
	// A read that did not come back in time. Commands turn this into outcome-unknown before it
	// comes here.
	{context.DeadlineExceeded, CodeJournalUnavailable},
	{context.Canceled, CodeJournalUnavailable},
}

// problemOf is the problem that stands for an error. What is not known is an internal error, and
// its text goes to the log.
func problemOf(err error) *Problem {
	if p, ok := asProblem(err); ok {
		return p
	}
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return Refuse(f.code)
		}
	}
	var routed *echo.HTTPError
	if errors.As(err, &routed) {
		switch routed.Code {
		case http.StatusNotFound:
			return Refuse(CodeRouteNotFound)
		case http.StatusMethodNotAllowed:
			return Refuse(CodeMethodNotAllowed)
		case http.StatusRequestEntityTooLarge:
			return Refuse(CodeBodyTooLarge)
		case http.StatusUnsupportedMediaType:
			return Refuse(CodeUnsupportedMediaType)
		}
	}
	return Refuse(CodeInternalError)
}

// Unavailable marks the error of a read that has no meaning of its own as the journal being out of
// reach. Problems and the errors of the table above stay what they are.
func Unavailable(err error) error { return unavailable(journal.ErrUnavailable, err) }

// RowsUnavailable is Unavailable for a read of a read model's rows.
func RowsUnavailable(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %w", errRows, err)
	}
	return unavailable(errRows, err)
}

// errRows: the rows of a read model cannot be read.
var errRows = errors.New("web: read model unavailable")

func unavailable(what, err error) error {
	if _, ok := asProblem(err); ok || slices.ContainsFunc(failures, func(f failure) bool { return errors.Is(err, f.err) }) {
		return err
	}
	return fmt.Errorf("%w: %w", what, err)
}

// outcome is the error of a command: once it was handed to the journal, an end of its time leaves
// open what became of it.
func outcome(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return journal.ErrOutcomeUnknown
	}
	return err
}
