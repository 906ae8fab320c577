package origin

import "fmt"

// Refusal is the error of a bank whose entries this program cannot write or check. Programs end
// with exit code 5 then. Nothing was changed.
type Refusal struct {
	// What tells what is wrong, in one line; Next is what to do about it.
	What, Next string

	ends  bool // a program that runs ends with it
	cause error
}

// Error returns what is wrong.
func (r *Refusal) Error() string { return r.What }

// Unwrap returns what the error matches besides, nil for nothing.
func (r *Refusal) Unwrap() error { return r.cause }

// CheckFormat returns a Refusal if the bank's entries have a newer format than newest, the newest
// that the program knows.
func (b Bank) CheckFormat(newest int) error {
	if b.Format <= newest {
		return nil
	}
	return &Refusal{
		What: fmt.Sprintf("bank %s writes entries of format %d, and this program knows formats up to %d", b.ID, b.Format, newest),
		Next: "start a newer release of every program of this bank; a bank is never switched back",
		ends: true,
	}
}
