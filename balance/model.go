package balance

import (
	"reflect"
	"strconv"

	"passbook/shared/account"
	"passbook/shared/derived"
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/readmodel/due"
	"passbook/shared/table"
)

// Table is the name of the read model and of its table.
const Table = "balance"

const (
	indexHolders = "holders"
	holdersPK    = "hk"
)

// Schema describes the table of the rows.
var Schema = table.Schema{Name: Table, Indexes: []table.Index{
	{Name: indexHolders, PK: holdersPK, SK: "pk"},
	due.Index(),
}}

// Schemas describe the tables of the rows, and of the rows that are derived from them.
var Schemas = []table.Schema{Schema, derived.Schema}

// model describes the read model.
var model = readmodel.Model[account.State]{Name: Table, Fold: Fold, After: After, Encode: encode, Decode: decode, Bytes: stateBytes}

// Fold returns the balance's state after an event. It is the account's own state, as the balance
// shows everything that a decision depends on.
func Fold(s account.State, e event.Event) (account.State, error) { return account.Fold(s, e) }

// After returns the balances of a state, as events have them.
func After(s account.State) event.After {
	return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
}

// encode adds a state to a row: as columns for people and queries, in the indexes, and as the text
// that decode reads.
func encode(attrs table.Map, generation int64, a event.Account, s account.State) {
	attrs["currency"] = table.S(s.Currency)
	attrs["status"] = table.S(s.Status)
	attrs["frozen"] = table.S(s.Frozen)
	attrs["posted"] = table.N(s.Posted)
	attrs["held"] = table.N(s.Held)
	attrs["limit"] = table.N(s.Limit)
	attrs["available"] = table.N(s.Available())
	attrs["state"] = table.S(account.AppendState(nil, s))
	if s.HolderRef != "" {
		attrs[holdersPK] = table.S(holderKey(generation, a.Tenant, s.HolderRef))
	}
	due.Set(attrs, generation, a, s.NextDue())
}

func decode(attrs table.Map) (account.State, error) {
	return account.ParseState([]byte(attrs.Text("state")))
}

// stateBytes returns about how many bytes a state refers to.
func stateBytes(s account.State) int {
	return len(s.Currency) + len(s.HolderRef) + len(s.Product) + cap(s.Holds)*int(reflect.TypeFor[account.Hold]().Size())
}

func holderKey(generation int64, tenant, holder string) string {
	return "g" + strconv.FormatInt(generation, 10) + "#" + tenant + "#" + holder
}
