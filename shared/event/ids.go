package event

import "strconv"

// MaxVersion is the largest version of an account: the journal's keys have 12 digits for it.
const MaxVersion = 999_999_999_999

// The first letters of the ids that name an event by its version.
const (
	transactionPrefix = 't'
	holdPrefix        = 'h'
)

// TransactionID returns the id of the transaction that the account's event of that version made.
func TransactionID(version int64) string { return localID(transactionPrefix, version) }

// HoldID returns the id of the hold that the account's event of that version placed.
func HoldID(version int64) string { return localID(holdPrefix, version) }

func localID(prefix byte, version int64) string {
	var room [20]byte
	return string(strconv.AppendInt(append(room[:0], prefix), version, 10))
}

// ParseID returns the version that an id names, and whether the id is one that TransactionID
// (prefix 't') or HoldID ('h') returns.
func ParseID(prefix byte, id string) (version int64, ok bool) {
	if len(id) < 2 || len(id) > 13 || id[0] != prefix || id[1] == '0' {
		return 0, false
	}
	for _, b := range []byte(id[1:]) {
		if b < '0' || b > '9' {
			return 0, false
		}
		version = version*10 + int64(b-'0')
	}
	return version, true
}

// EventID returns the id of an event in the whole bank, the same on every publish.
func EventID(accountID string, version int64) string {
	var room [96]byte
	return string(strconv.AppendInt(append(append(room[:0], accountID...), ':'), version, 10))
}

// Amount returns the positive amount of money and hold events, in minor units, and 0 for the
// others, declines included.
func (e Event) Amount() int64 {
	switch b := e.Body.(type) {
	case MoneyCredited:
		return b.Amount
	case MoneyWithdrawn:
		return b.Amount
	case HoldPlaced:
		return b.Amount
	case HoldCaptured:
		return b.Amount
	case HoldReleased:
		return b.Amount
	case TransactionReversed:
		return b.Amount
	}
	return 0
}

// TransactionID returns the id of the transaction that the event is: a credit, a withdrawal or a
// reversal. It is empty for other events.
func (e Event) TransactionID() string {
	switch e.Body.(type) {
	case MoneyCredited, MoneyWithdrawn, TransactionReversed:
		return TransactionID(e.Version)
	}
	return ""
}

// HoldID returns the id of the hold that the event places, captures or releases, or whose capture
// the withdrawal is. It is empty for other events.
func (e Event) HoldID() string {
	switch b := e.Body.(type) {
	case HoldPlaced:
		return HoldID(e.Version)
	case HoldCaptured:
		return b.HoldID
	case HoldReleased:
		return b.HoldID
	case MoneyWithdrawn:
		return b.HoldID
	}
	return ""
}

// EventsOf returns the events that a command of the entry made, releases included.
func (e *Entry) EventsOf(c Command) []Event {
	return e.Events[c.First-e.First : c.Last-e.First+1]
}

// Causation returns what caused an event of the entry: of an expiry, the event that set the time;
// of the second leg of a transfer, the first; else the command, by its key. It is empty when the
// command had no key.
func (e *Entry) Causation(ev Event) string {
	switch b := ev.Body.(type) {
	case HoldReleased:
		if version, ok := ParseID(holdPrefix, b.HoldID); ok && b.Reason == ReasonExpired {
			return EventID(e.AccountID, version)
		}
	case CreditLimitChanged:
		if b.ExpiredVersion > 0 {
			return EventID(e.AccountID, b.ExpiredVersion)
		}
	}
	if key := e.Commands[ev.Command].Key; key != "" {
		return key
	}
	if b, ok := ev.Body.(MoneyCredited); ok && b.Kind == KindTransferIn {
		return b.Contra
	}
	return ""
}
