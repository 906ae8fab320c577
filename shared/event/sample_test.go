package event

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

var (
	sampleTime = time.Date(2026, 11, 21, 8, 0, 0, 123456000, time.UTC)
	sampleDate = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
)

// full has every type with every field set: what the golden files hold.
func full() []Body {
	later := time.Date(2027, 1, 31, 23, 59, 59, 999999000, time.UTC)
	return []Body{
		AccountOpened{HolderRef: "holder-7", Exponent: 2, Product: "current", CreditLimit: 10000},
		MoneyCredited{Amount: 250000, Kind: KindDeposit, Contra: "clearing:sepa", Reference: Text{Plain: "salary \"November\" \\ 2026\n€"}},
		MoneyWithdrawn{
			Amount: 2500, Kind: KindCard, Contra: "clearing:cards", Reference: Text{Sealed: "k1:c2VhbGVk"}, HoldID: "h5",
			FromOwn: 1000, FromCredit: 1500,
		},
		WithdrawalDeclined{Op: OpWithdraw, Amount: 900, Reason: InsufficientFunds, Available: -100, Limit: 5000, Shortfall: 1000},
		HoldPlaced{Amount: 4200, Reference: Text{Plain: "hotel"}, ExpiresAt: later},
		HoldCaptured{HoldID: "h5", Amount: 4000, Remaining: 200, Final: true},
		HoldReleased{HoldID: "h5", Amount: 200, Reason: ReasonCaptureRemainder},
		TransactionReversed{OriginalTransactionID: "t2", Direction: DirectionDebit, Amount: 250000, Reason: Text{Plain: "duplicate"}, Forced: true},
		CreditLimitChanged{
			Before: 10000, After: 20000, ExpiresAt: later, Reason: Text{Plain: "review"}, DecidedBy: "desk-4", DecisionRef: "CR-99",
		},
		AccountFrozen{Scope: ScopeAll, ReasonCode: "court-order"},
		AccountUnfrozen{ReasonCode: "lifted"},
		AccountClosed{ReasonCode: "customer"},
	}
}

// sparse has every type with every optional field empty.
func sparse() []Body {
	return []Body{
		AccountOpened{Exponent: 0},
		MoneyCredited{Amount: 1, Kind: KindInterest},
		MoneyWithdrawn{Amount: 1, Kind: KindFee, FromOwn: 1},
		WithdrawalDeclined{Op: OpHold, Amount: 1, Reason: InsufficientFunds, Shortfall: 1},
		HoldPlaced{Amount: 1},
		HoldCaptured{HoldID: "h1", Amount: 1, Final: true},
		HoldReleased{HoldID: "h1", Amount: 1, Reason: ReasonVoid},
		TransactionReversed{OriginalTransactionID: "t1", Direction: DirectionCredit, Amount: 1},
		CreditLimitChanged{Before: 5, ExpiredVersion: 3, Forced: true},
		AccountFrozen{Scope: ScopeDebits},
		AccountUnfrozen{},
		AccountClosed{},
	}
}

// entryOf returns an entry at version first with one command for each list of bodies.
func entryOf(first int64, commands ...[]Body) *Entry {
	e := &Entry{
		Format: Format, Tenant: "main", AccountID: "A-1", First: first, Last: first - 1, Currency: "EUR", RecordedAt: sampleTime,
	}
	if first > 1 {
		e.Prev = sha256.Sum256([]byte("the entry before"))
	}
	for i, bodies := range commands {
		m := Command{
			Key: "key-0001-abcdef", Request: "AAAAAAAAAAAAAAAAAAAAAA", CorrelationID: "019aa5e0-5b7d-7c11-9d50-0d5c1b3c2f11",
			Actor: Text{Plain: "withdraw"}, First: e.Last + 1, Last: e.Last + int64(len(bodies)), Status: 201,
		}
		for _, b := range bodies {
			e.Last++
			v := New(b)
			v.Version, v.Command, v.EffectiveAt = e.Last, i, sampleDate
			v.Currency, v.RecordedAt = e.Currency, e.RecordedAt
			v.After = After{Posted: 5000, Held: 0, Limit: 10000}
			e.Events = append(e.Events, v)
		}
		e.Commands = append(e.Commands, m)
	}
	return e
}

// single returns the common case: one command, one event.
func single() *Entry {
	return entryOf(3, []Body{MoneyWithdrawn{Amount: 2500, Kind: KindCash, Reference: Text{Plain: "ATM 17, Main Street"}, FromOwn: 2500}})
}

// large returns an entry of 200 commands, which is compressed.
func large() *Entry {
	var commands [][]Body
	for range 200 {
		commands = append(commands, []Body{MoneyCredited{Amount: 2500, Kind: KindDeposit}})
	}
	return entryOf(3, commands...)
}

func seal(t testing.TB, e *Entry) Encoded {
	t.Helper()
	enc, err := Seal(e, testKeys)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

// testKeys are the data keys of the tests' bank.
var testKeys = func() *Keyring {
	k, err := NewKeyring("bank-1", map[int][]byte{1: bytes.Repeat([]byte{7}, KeyBytes)})
	if err != nil {
		panic(err)
	}
	return k
}()

// rehashed returns an altered record with the hash of its new content, so that not the hash refuses
// it.
func rehashed(record string) []byte {
	const name = `,"hash":"`
	i := strings.Index(record, name)
	if i < 0 || len(record) < i+hashBytes {
		return []byte(record)
	}
	rest := record[i+hashBytes:]
	covered := rest // without the MAC and the types
	if end := strings.Index(rest, `],`); strings.HasPrefix(rest, `,"mac":"`) && end >= 0 {
		covered = rest[end+1:]
	}
	sum := Hash(sha256.Sum256([]byte(record[:i] + covered)))
	return []byte(record[:i] + name + sum.String() + `"` + rest)
}

// inFormat returns the entry in another format.
func inFormat(format int, e *Entry) *Entry {
	e.Format = format
	return e
}
