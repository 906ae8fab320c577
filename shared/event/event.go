package event

import "time"

// Format is the newest entry format that this program reads. A field added outside an event's data
// raises it. A bank writes the format that its row in the control table names, which bank upgrade
// raises.
const Format = 2

// SignedFormat is the first format whose entries have a MAC, and whose records name their types.
const SignedFormat = 2

// Limits of an entry; docs/formats.md describes its encoding.
const (
	// MaxCommands is the most commands that a lane commits in one entry.
	MaxCommands = 500
	// MaxEntryBytes is the most JSON of an entry, state included. It is under DynamoDB's 400 KB
	// item and Kinesis' 1 MiB record.
	MaxEntryBytes = 256 << 10
	// CompressOver is the size of the JSON above which commands and events are each stored as a
	// zstd frame.
	CompressOver = 4 << 10
	// MaxTextBytes bounds the stored form of a reference or a reason.
	MaxTextBytes = 140
	// MaxActorBytes bounds the stored form of an actor.
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
	// RecordedAt is the time of the decision, UTC, whole microseconds; it never goes back
	// within an account.
	RecordedAt time.Time
	// Prev is the hash of the account's entry before this one, zero at version 1. Hash covers the
	// record's JSON without the hash itself, the MAC and the types.
	Prev, Hash Hash
	// MAC proves that a program of the bank made the entry; zero in format 1, which has none.
	MAC      MAC
	Commands []Command
	Events   []Event
	// State is the account's state after Last as JSON, nil when the entry has none.
	State []byte
	// Writer is the session of the process that committed the entry, and N its counter there. Both
	// are empty in records and in restored entries.
	Writer string
	N      int64
}

// Command is what the journal stores of a command: enough to answer it again.
type Command struct {
	// Key is the Idempotency-Key; empty for internal commands and for the second leg of a transfer.
	Key string
	// Request is the first 128 bits of the SHA-256 of the command as received, 22 characters of
	// base64url. By it another body under the same key is found.
	Request       string
	CorrelationID string
	Actor         Text
	// First and Last are the versions of the events that the command made, releases included.
	First, Last int64
	// Status is the HTTP status of the answer: 201, 200, or 422 for a decline.
	Status int
}

// Event is one thing that happened to an account.
type Event struct {
	Version int64
	// Schema is the version of the data's shape, from 1; Body always has the newest.
	Schema int
	// Command is the index in Entry.Commands of the command that made the event.
	Command int
	// EffectiveAt is the value date, midnight UTC.
	EffectiveAt time.Time
	After       After
	// Currency and RecordedAt are the entry's, repeated here for the folds; they are not written
	// with the event.
	Currency   string
	RecordedAt time.Time
	// Data is the JSON of Body as it was written, which is stored and archived byte for byte.
	Data []byte
	// Body is Data decoded, through the upcasters.
	Body Body
}

// After is the state of the account after the event, in minor units: a running balance, and a
// checksum that every fold is compared with.
type After struct{ Posted, Held, Limit int64 }

// Text is a string that may be personal: a reference, a reason, an actor. It is Plain, or sealed
// under a key, and then it is only stored: Sealed is "<key id>:<base64>", and its JSON is
// {"enc":"<key id>:<base64>"}.
type Text struct{ Plain, Sealed string }

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t == Text{} }

// Body is the data of an event, one of the twelve types below.
type Body interface {
	// Type returns the event's name on the wire.
	Type() string
}

// AccountOpened is version 1 of every account.
type AccountOpened struct {
	HolderRef string
	// Exponent is the number of decimals of the currency's minor unit.
	Exponent int
	Product  string
	// CreditLimit is the limit that the account starts with, minor units, >= 0.
	CreditLimit int64
}

// MoneyCredited brings money in. Its transaction id is "t" and its version.
type MoneyCredited struct {
	Amount int64
	// Kind is deposit, repayment, transfer_in, interest or adjustment.
	Kind string
	// Contra is where the money came from: an account name of the bank's books, or, of a transfer,
	// the event id of the other leg.
	Contra    string
	Reference Text
}

// MoneyWithdrawn takes money out. Its transaction id is "t" and its version.
type MoneyWithdrawn struct {
	Amount int64
	// Kind is cash, transfer_out, card or fee.
	Kind      string
	Contra    string
	Reference Text
	// HoldID is the hold that was captured, or empty.
	HoldID string
	// FromOwn and FromCredit split Amount into what the posted balance covered and what the limit
	// did.
	FromOwn, FromCredit int64
}

// WithdrawalDeclined is a withdrawal, hold, transfer or reversal of a credit that was declined for
// lack of funds or limit.
type WithdrawalDeclined struct {
	// Op is the declined operation: withdraw, hold, transfer or reversal.
	Op     string
	Amount int64
	// Reason is the problem code of the answer: insufficient-funds.
	Reason string
	// Available and Limit are those at the decline; Shortfall = Amount - Available.
	Available, Limit, Shortfall int64
}

// HoldPlaced reserves an amount. Its hold id is "h" and its version.
type HoldPlaced struct {
	Amount    int64
	Reference Text
	// ExpiresAt is when the hold expires; zero means never.
	ExpiresAt time.Time
}

// HoldCaptured turns a hold, or a part of it, into a withdrawal: the MoneyWithdrawn that follows
// it.
type HoldCaptured struct {
	HoldID string
	Amount int64
	// Remaining is what the hold still reserves; Final says that no further capture follows. A
	// final capture with a remainder is followed by the HoldReleased of that remainder.
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

// TransactionReversed reverses a credit or a withdrawal, once and in full. Its own transaction id
// is "t" and its version.
type TransactionReversed struct {
	OriginalTransactionID string
	// Direction is debit where it reverses a credit, and credit where it reverses a withdrawal.
	Direction string
	Amount    int64
	// Reason is free text, usually duplicate, error, fraud or returned.
	Reason Text
	// Forced says that the bank overrode a rule: available funds, or a freeze of debits.
	Forced bool
}

// CreditLimitChanged is the bank's decision on the authorised limit, or its expiry.
type CreditLimitChanged struct {
	Before, After int64
	// ExpiresAt is when the limit expires and falls to 0; zero means never.
	ExpiresAt   time.Time
	Reason      Text
	DecidedBy   string
	DecisionRef string
	// Forced says that the bank, or the limit's expiry, overrode the rule that a limit covers what
	// is in use.
	Forced bool
	// ExpiredVersion is the version of the limit that expired, when this event is its fall to 0;
	// else 0.
	ExpiredVersion int64
}

// AccountFrozen forbids debits, or everything but a release, an unfreeze and a limit cut.
type AccountFrozen struct {
	// Scope is debits or all.
	Scope      string
	ReasonCode string
}

// AccountUnfrozen lifts a freeze.
type AccountUnfrozen struct{ ReasonCode string }

// AccountClosed ends the account. No event follows it.
type AccountClosed struct{ ReasonCode string }
