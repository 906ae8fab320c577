package cli

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/stores"
)

// The codes that the programs end with.
const (
	// ExitOK means done.
	ExitOK = 0
	// ExitFailed means that it did not work.
	ExitFailed = 1
	// ExitUsage means that the command line or the environment is wrong.
	ExitUsage = 2
	// ExitDifference means that a difference or a broken proof was found.
	ExitDifference = 3
	// ExitBehind means that something has not caught up yet; trying again later may help.
	ExitBehind = 4
	// ExitUnreachable means that nobody answers, another process has locked the data, or the stores
	// lack what the program needs or disagree.
	ExitUnreachable = 5
)

// Failure is an error with the code to end with, and what to try next.
type Failure struct {
	Code int
	Err  error
	// Next is a sentence for the reader, or empty.
	Next string
}

// Error returns the text of the cause.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Fail makes a Failure.
func Fail(code int, err error, next string) error { return &Failure{Code: code, Err: err, Next: next} }

// Usage makes the Failure of a wrong command line.
func Usage(format string, args ...any) error {
	return Fail(ExitUsage, fmt.Errorf(format, args...), "see --help")
}

// explain gives an error a code and advice, unless it has them already.
func explain(err error) *Failure {
	var f *Failure
	var unusable *platform.UnusableError
	var disagree *stores.Disagreement
	var refused *origin.Refusal
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &unusable):
		return &Failure{ExitUnreachable, unusable, unusable.Next}
	case errors.As(err, &disagree):
		return &Failure{ExitUnreachable, disagree, disagree.Next}
	case errors.As(err, &refused):
		return &Failure{ExitUnreachable, refused, refused.Next}
	case errors.Is(err, platform.ErrConfig):
		return &Failure{ExitUsage, err, "correct the flag or the variable; flags win over variables"}
	case errors.Is(err, platform.ErrLocked):
		return &Failure{ExitUnreachable, err, "end that process, or wait until it is ready to take jobs"}
	case errors.Is(err, context.Canceled):
		return &Failure{ExitFailed, errors.New("interrupted"), "run the same command again: a job continues from the progress that it kept"}
	}
	return &Failure{Code: ExitFailed, Err: err}
}

// Advice returns what to try next after an error, or nothing.
func Advice(err error) string { return explain(err).Next }

// Code returns the code that a program ends with after an error, or after none.
func Code(err error) int {
	if err == nil {
		return ExitOK
	}
	return explain(err).Code
}
