package account

import "time"

// State is everything that a decision needs to know of an account, folded from its history. The
// zero State is an account that does not exist. It is a value: Fold never changes a State that it
// was given.
type State struct {
	Version  int64
	Status   string // "", open or closed
	Currency string
	// HolderRef and Product are those that the account was opened with.
	HolderRef, Product string
	// Posted, Held and Limit are in minor units; Held is the sum of the holds' remainders.
	Posted, Held, Limit int64
	// LimitVersion is the event that set Limit, and LimitExpiresAt when Limit falls to 0 (zero:
	// never).
	LimitVersion   int64
	LimitExpiresAt time.Time
	// Frozen is "", debits or all.
	Frozen string
	// Holds are the open ones, by rising version.
	Holds []Hold
	// RecordedAt is the time of the last entry, LastMovement of the last change of Posted.
	RecordedAt, LastMovement time.Time
}

// Hold is an open hold.
type Hold struct {
	// Version is the event that placed it; its id is "h<version>".
	Version int64
	// Amount is what is still reserved.
	Amount    int64
	PlacedAt  time.Time
	ExpiresAt time.Time // zero: never
}
