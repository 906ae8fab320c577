package account

import "time"

// State is everything that a decision looks at, folded from the account's history. The zero State
// is an account that does not exist. It is a value: Fold never changes a State that it was given.
type State struct {
	Version  int64
	Status   string // "", open or closed
	Currency string
	// HolderRef and Product are as opened.
	HolderRef, Product string
	// Posted, Held and Limit are in minor units; Held is the sum of the holds' remainders.
	Posted, Held, Limit int64
	// LimitVersion is the event that set Limit, LimitExpiresAt when it falls to 0 by itself (zero:
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
	// Amount is what remains set aside.
	Amount    int64
	PlacedAt  time.Time
	ExpiresAt time.Time // zero: never
}
