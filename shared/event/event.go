package event

import "time"

// Format is the newest entry format that this program reads and the one that it writes. A field
// added outside an event's data raises it.
const Format = 1

// Limits of an entry; docs/formats.md describes its encoding.
const (
	// MaxCommands is the most commands that a lane commits in one entry.
	MaxCommands = 500
	// MaxEntryBytes is the most JSON of an entry, state included. It is under DynamoDB's 400 KB
	// item and Kinesis' 1 MiB record.
	MaxEntryBytes = 256 << 10
	// CompressOver is the size of the JSON over which commands and events are each stored as a zstd
	// frame.
	CompressOver = 4 << 10
	// MaxTextBytes bounds a reference or a reason, as its stored form.
	MaxTextBytes = 140
	// MaxActorBytes bounds an actor.
	MaxActorBytes = 64
)

// Hash is a SHA-256 sum, written as 43 characters of unpadded base64url.
type Hash [32]byte

// Entry is one commit in the journal: one or more events of one account, with consecutive versions,
// the commands that made them, and, in the journal only, the state after them and who wrote it. The
// record on the stream is the same without State, Writer and N.
type Entry struct {
	Format    int
	Tenant    string
	AccountID string
	// First and Last are the versions of the first and last event.
	First, Last int64
	// Currency is the account's ISO 4217 code.
	Currency string
	// RecordedAt is the time of the decision, UTC, whole microseconds; it never falls within an
	// account.
	RecordedAt time.Time
	// Prev is the hash of the account's entry before this one, zero at version 1; Hash covers the
	// record's JSON without itself.
	Prev, Hash Hash
	Commands   []Command
	Events     []Event
	// State is the account's state after Last as JSON, or nil when this entry carries none.
	State []byte
	// Writer is the process that committed the entry, N its counter; empty in records and in
	// restored entries.
	Writer string
	N      int64
}

// Command is what the journal keeps of a command: enough to answer it again.
type Command struct {
	// Key is the Idempotency-Key; empty for internal commands and for the second leg of a transfer.
	Key string
	// Request is the first 128 bits of the SHA-256 of the command as received, 22 characters of
	// base64url; it tells another body apart.
	Request       string
	CorrelationID string
	Actor         Text
	// First and Last are the versions of the events that the command made, releases included.
	First, Last int64
	// Status is the HTTP status of its answer: 201, 200, or 422 for a decline.
	Status int
}

// Event is one thing that happened to an account.
type Event struct {
	Version int64
	// Schema is the version of the data's shape, from 1; Body is always at the newest.
	Schema int
	// Command is the place in Entry.Commands of the command that made it.
	Command int
	// EffectiveAt is the value date, midnight UTC.
	EffectiveAt time.Time
	After       After
	// Currency and RecordedAt are the entry's, repeated here for the folds; they are not written
	// with the event.
	Currency   string
	RecordedAt time.Time
	// Data is the JSON of Body as it was written, which is carried and archived byte for byte.
	Data []byte
	// Body is Data decoded, through the upcasters.
	Body Body
}

// After is what the account stands at after the event, in minor units: the running balance of each
// line, and a checksum that every fold is compared with.
type After struct{ Posted, Held, Limit int64 }

// Text is a string that may be personal: reference, reason, actor. It is Plain, or it is sealed
// under a key and then only carried: Sealed is "<key id>:<base64>", and its JSON is {"enc":"<key
// id>:<base64>"}.
type Text struct{ Plain, Sealed string }

// IsZero says that there is no text.
func (t Text) IsZero() bool { return t == Text{} }

// Body is the data of an event, one of the twelve types below.
type Body interface {
	// Type is the event's name on the wire.
	Type() string
}

// AccountOpened is every account's version 1.
type AccountOpened struct {
	HolderRef string
	// Exponent is the number of decimals of the currency's minor unit.
	Exponent int
	Product  string
	// CreditLimit is the limit that the account starts with, minor units, >= 0.
	CreditLimit int64
}

// MoneyCredited is money in. Its transaction id is "t" and its version.
type MoneyCredited struct {
	Amount int64
	// Kind is deposit, repayment, transfer_in, interest or adjustment.
	Kind string
	// Contra is where the money came from: an account name of the bank's books, or, of a transfer,
	// the event id of the other leg.
	Contra    string
	Reference Text
}

// MoneyWithdrawn is money out. Its transaction id is "t" and its version.
type MoneyWithdrawn struct {
	Amount int64
	// Kind is cash, transfer_out, card or fee.
	Kind      string
	Contra    string
	Reference Text
	// HoldID is the hold that was captured, or empty.
	HoldID string
	// FromOwn and FromCredit split Amount into what posted covered and what the limit did.
	FromOwn, FromCredit int64
}

// WithdrawalDeclined is a withdrawal, hold, transfer or reversal of a credit refused for want of
// funds or limit.
type WithdrawalDeclined struct {
	// Op is what was asked for: withdraw, hold, transfer or reversal.
	Op     string
	Amount int64
	// Reason is the problem code of the answer: insufficient-funds.
	Reason string
	// Available and Limit are those of the refusal; Shortfall = Amount - Available.
	Available, Limit, Shortfall int64
}

// HoldPlaced sets an amount aside. Its hold id is "h" and its version.
type HoldPlaced struct {
	Amount    int64
	Reference Text
	// ExpiresAt is when the hold ends by itself; zero means never.
	ExpiresAt time.Time
}

// HoldCaptured turns a hold, or a part of it, into a withdrawal: the MoneyWithdrawn that follows
// it.
type HoldCaptured struct {
	HoldID string
	Amount int64
	// Remaining is what the hold still sets aside; Final says that nothing of it remains to
	// capture. A final capture with a remainder is followed by the HoldReleased of that remainder.
	Remaining int64
	Final     bool
}

// HoldReleased ends a hold.
type HoldReleased struct {
	HoldID string
	Amount int64
	// Reason is void, expired or capture_remainder.
	Reason string
}

// TransactionReversed takes a credit or a withdrawal back, once and in full. Its own transaction id
// is "t" and its version.
type TransactionReversed struct {
	OriginalTransactionID string
	// Direction is the way the money goes now: debit takes a credit back, credit a withdrawal.
	Direction string
	Amount    int64
	// Reason is free text, customarily duplicate, error, fraud or returned.
	Reason Text
	// Forced says that the bank's word overrode a rule: funds, or a freeze of debits.
	Forced bool
}

// CreditLimitChanged is the bank's decision on the authorised limit, or its expiry.
type CreditLimitChanged struct {
	Before, After int64
	// ExpiresAt is when the limit falls to 0 by itself; zero means never.
	ExpiresAt   time.Time
	Reason      Text
	DecidedBy   string
	DecisionRef string
	// Forced says that the bank's word, or the limit's expiry, overrode the rule that a limit
	// covers what is in use.
	Forced bool
	// ExpiredVersion is the version of the limit that ran out, when this is its fall to 0; else 0.
	ExpiredVersion int64
}

// AccountFrozen stops debits, or everything but a release, an unfreeze and a limit cut.
type AccountFrozen struct {
	// Scope is debits or all.
	Scope      string
	ReasonCode string
}

// AccountUnfrozen lifts a freeze.
type AccountUnfrozen struct{ ReasonCode string }

// AccountClosed ends the account. Nothing follows it.
type AccountClosed struct{ ReasonCode string }
