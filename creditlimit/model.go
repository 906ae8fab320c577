package creditlimit

import (
	"passbook/shared/event"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Table is the name of the read model and of its table.
const Table = "creditlimit"

// Schema describes the table of the rows.
var Schema = table.Schema{Name: Table}

// model describes the read model.
var model = readmodel.Model[State]{
	Name: Table, Fold: Fold, Settle: Settle, After: After, Encode: encode, Decode: decode, Bytes: stateBytes, Crossings: crossings, Message: message,
}

// Row is an account's row.
type Row = readmodel.Row[State]

// Store reads the rows of the live generation.
type Store = readmodel.Rows[State]

// NewStore returns the store of the rows in t. A Projector that is given the store wakes its
// waiting readers. keep bounds the bytes of rows that each generation keeps in memory, for its
// readers too; 0 is 64 MiB.
func NewStore(t table.Table, keep int64) *Store { return readmodel.NewRows(t, model, keep) }

// encode adds a state to a row. The derived attributes are for people and queries, and decode does
// not read them.
func encode(attrs table.Map, _ int64, _ event.Account, s State) {
	attrs["status"] = table.S(s.Status)
	attrs["currency"] = table.S(s.Currency)
	attrs["posted"] = table.N(s.Posted)
	attrs["held"] = table.N(s.Held)
	attrs["limit"] = table.N(s.Limit)
	attrs["limit_version"] = table.N(s.LimitVersion)
	attrs["expires_at"] = table.Time(s.ExpiresAt)
	attrs["peak"] = table.N(s.Peak)
	attrs["peak_version"] = table.N(s.PeakVersion)
	attrs["declines"] = table.N(s.Declines)
	if s.Marks != "" {
		attrs["decline_marks"] = table.S(s.Marks)
	}
	attrs["band"] = table.N(s.Band)
	attrs["drawn"] = table.N(s.Drawn())
	attrs["reserved"] = table.N(s.Reserved())
	attrs["available_credit"] = table.N(s.AvailableCredit())
	attrs["over_limit"] = table.N(s.OverLimit())
	if bps, ok := s.UtilisationBps(); ok {
		attrs["utilisation_bps"] = table.N(bps)
	}
}

func decode(a table.Map) (State, error) {
	return State{
		Status: a.OwnText("status"), Currency: a.OwnText("currency"),
		Posted: a.Number("posted"), Held: a.Number("held"), Limit: a.Number("limit"),
		LimitVersion: a.Number("limit_version"), ExpiresAt: a.Time("expires_at"),
		Peak: a.Number("peak"), PeakVersion: a.Number("peak_version"), Declines: a.Number("declines"), Marks: a.OwnText("decline_marks"), Band: a.Number("band"),
	}, nil
}

// stateBytes returns about how many bytes a state refers to.
func stateBytes(s State) int { return len(s.Status) + len(s.Currency) + len(s.Marks) }
