package event

import (
	"fmt"
	"maps"
	"slices"

	"passbook/shared/canonicaljson"
)

// The names of the events on the wire.
const (
	typeOpened       = "AccountOpened"
	typeCredited     = "MoneyCredited"
	typeWithdrawn    = "MoneyWithdrawn"
	typeDeclined     = "WithdrawalDeclined"
	typePlaced       = "HoldPlaced"
	typeCaptured     = "HoldCaptured"
	typeReleased     = "HoldReleased"
	typeReversed     = "TransactionReversed"
	typeLimitChanged = "CreditLimitChanged"
	typeFrozen       = "AccountFrozen"
	typeUnfrozen     = "AccountUnfrozen"
	typeClosed       = "AccountClosed"
)

// newest has the schema that each type is written in.
var newest = map[string]int{
	typeOpened: 1, typeCredited: 1, typeWithdrawn: 1, typeDeclined: 1, typePlaced: 1, typeCaptured: 1,
	typeReleased: 1, typeReversed: 1, typeLimitChanged: 1, typeFrozen: 1, typeUnfrozen: 1, typeClosed: 1,
}

// Types returns the names of all types, sorted.
func Types() []string { return slices.Sorted(maps.Keys(newest)) }

// Type returns the name of the event on the wire.
func (AccountOpened) Type() string { return typeOpened }

// Type returns the name of the event on the wire.
func (MoneyCredited) Type() string { return typeCredited }

// Type returns the name of the event on the wire.
func (MoneyWithdrawn) Type() string { return typeWithdrawn }

// Type returns the name of the event on the wire.
func (WithdrawalDeclined) Type() string { return typeDeclined }

// Type returns the name of the event on the wire.
func (HoldPlaced) Type() string { return typePlaced }

// Type returns the name of the event on the wire.
func (HoldCaptured) Type() string { return typeCaptured }

// Type returns the name of the event on the wire.
func (HoldReleased) Type() string { return typeReleased }

// Type returns the name of the event on the wire.
func (TransactionReversed) Type() string { return typeReversed }

// Type returns the name of the event on the wire.
func (CreditLimitChanged) Type() string { return typeLimitChanged }

// Type returns the name of the event on the wire.
func (AccountFrozen) Type() string { return typeFrozen }

// Type returns the name of the event on the wire.
func (AccountUnfrozen) Type() string { return typeUnfrozen }

// Type returns the name of the event on the wire.
func (AccountClosed) Type() string { return typeClosed }

// New returns an event of b: its newest schema, and its data. The caller sets Version, times and
// balances. It panics for a body that breaks its own rules, such as an amount of 0: decisions make
// bodies, and no decision may make such a one.
func New(b Body) Event {
	data, err := appendBody(nil, b)
	if err != nil {
		panic(fmt.Sprintf("event: %T: %v", b, err))
	}
	return Event{Schema: newest[b.Type()], Data: data, Body: b}
}

// ParseBody reads the data of an event of that type and schema, through the upcasters. It accepts
// only bytes that New could have written.
func ParseBody(typ string, schema int, data []byte) (Body, error) {
	b, err := parseBody(typ, schema, string(data))
	if err != nil {
		return nil, fmt.Errorf("event: %s schema %d: %w", typ, schema, err)
	}
	return b, nil
}

func parseBody(typ string, schema int, data string) (Body, error) {
	if err := knownSchema(typ, schema); err != nil {
		return nil, err
	}
	data, err := upcast(typ, schema, data)
	if err != nil {
		return nil, err
	}
	c := canonicaljson.NewReader(data)
	c.Begin()
	b := readBody(&c, typ)
	c.End()
	return b, c.Finish()
}

// knownSchema refuses a type or schema that this program does not know, as of a newer program.
func knownSchema(typ string, schema int) *canonicaljson.Error {
	switch top, ok := newest[typ]; {
	case !ok:
		return &canonicaljson.Error{Field: "type", Reason: "unknown"}
	case schema < 1 || schema > top:
		return &canonicaljson.Error{Field: "schema", Reason: fmt.Sprintf("%d is not one of 1 to %d", schema, top)}
	}
	return nil
}

func appendBody(dst []byte, b Body) ([]byte, error) {
	c := canonicaljson.NewWriter(dst)
	c.Begin()
	writeBody(&c, b)
	c.End()
	return c.Written(), c.Finish()
}

// readBody reads the fields of the newest schema of a known type. It is a switch because a table of
// functions would cost each decode two allocations.
func readBody(c *canonicaljson.Codec, typ string) Body {
	switch typ {
	case typeOpened:
		var b AccountOpened
		b.fields(c)
		return b
	case typeCredited:
		var b MoneyCredited
		b.fields(c)
		return b
	case typeWithdrawn:
		var b MoneyWithdrawn
		b.fields(c)
		return b
	case typeDeclined:
		var b WithdrawalDeclined
		b.fields(c)
		return b
	case typePlaced:
		var b HoldPlaced
		b.fields(c)
		return b
	case typeCaptured:
		var b HoldCaptured
		b.fields(c)
		return b
	case typeReleased:
		var b HoldReleased
		b.fields(c)
		return b
	case typeReversed:
		var b TransactionReversed
		b.fields(c)
		return b
	case typeLimitChanged:
		var b CreditLimitChanged
		b.fields(c)
		return b
	case typeFrozen:
		var b AccountFrozen
		b.fields(c)
		return b
	case typeUnfrozen:
		var b AccountUnfrozen
		b.fields(c)
		return b
	case typeClosed:
		var b AccountClosed
		b.fields(c)
		return b
	}
	c.Fail("type", "unknown")
	return nil
}

func writeBody(c *canonicaljson.Codec, b Body) {
	switch b := b.(type) {
	case AccountOpened:
		b.fields(c)
	case MoneyCredited:
		b.fields(c)
	case MoneyWithdrawn:
		b.fields(c)
	case WithdrawalDeclined:
		b.fields(c)
	case HoldPlaced:
		b.fields(c)
	case HoldCaptured:
		b.fields(c)
	case HoldReleased:
		b.fields(c)
	case TransactionReversed:
		b.fields(c)
	case CreditLimitChanged:
		b.fields(c)
	case AccountFrozen:
		b.fields(c)
	case AccountUnfrozen:
		b.fields(c)
	case AccountClosed:
		b.fields(c)
	default:
		c.Fail("type", fmt.Sprintf("%T is not an event", b))
	}
}
