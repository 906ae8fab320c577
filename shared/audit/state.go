package audit

import (
	"encoding/json"
	"fmt"

	"passbook/shared/table"
)

// stateFormat is the format of a state that this package reads; readers ignore any other.
const stateFormat = 1

// stateJSON is what the audit checks of a state: of an entry's, on which commands are decided, and
// of a row's, from which queries are answered. Held is not in it, since it is the sum of the holds.
type stateJSON struct {
	Format  int    `json:"format"`
	Version int64  `json:"v"`
	Status  string `json:"s"`
	Posted  int64  `json:"b"`
	Limit   int64  `json:"l"`
	// LimitVersion is the event that set the limit.
	LimitVersion int64  `json:"lv"`
	Frozen       string `json:"f"`
	Currency     string `json:"c"`
	Holds        []struct {
		Version int64 `json:"v"`
		Amount  int64 `json:"a"`
	} `json:"o"`
}

// mismatch is in what something differs from what is expected; the zero value is in nothing.
// expected and found are both values, where there are two.
type mismatch struct{ what, expected, found string }

// checkState returns in what a state differs from the expected one. Nothing is checked if the
// ledger itself may be wrong.
func (s *ledger) checkState(data []byte, currency string) mismatch {
	if s.gapSeen || s.eventInvalid {
		return mismatch{}
	}
	var state stateJSON
	err := json.Unmarshal(data, &state)
	switch {
	case err != nil:
		return mismatch{what: "the state cannot be read"}
	case state.Format != stateFormat:
		return mismatch{}
	case state.Version != s.version:
		return mismatch{what: fmt.Sprintf("the state is of v%d", state.Version)}
	case state.Currency != currency:
		return wrongState("currency", currency, state.Currency)
	case state.Posted != s.after.Posted:
		return wrongState("posted", s.after.Posted, state.Posted)
	case state.Limit != s.after.Limit:
		return wrongState("limit", s.after.Limit, state.Limit)
	case state.LimitVersion != s.limitVersion:
		return wrongState("limit version", s.limitVersion, state.LimitVersion)
	case state.Status != s.status():
		return wrongState("status", s.status(), state.Status)
	case state.Frozen != s.frozen:
		return wrongState("frozen", s.frozen, state.Frozen)
	}
	return s.checkHolds(state)
}

// checkHolds compares the open holds, each by its version and remainder, and their sum.
func (s *ledger) checkHolds(state stateJSON) mismatch {
	seen := make(map[int64]bool, len(state.Holds))
	var held int64
	for _, h := range state.Holds {
		if open, ok := s.holds[h.Version]; !ok || open != h.Amount || seen[h.Version] {
			return mismatch{fmt.Sprintf("the state's hold h%d does not follow from the events", h.Version), fmt.Sprint(open), fmt.Sprint(h.Amount)}
		}
		seen[h.Version] = true
		held += h.Amount
	}
	for version := range s.holds {
		if !seen[version] {
			return mismatch{what: fmt.Sprintf("the state lacks hold h%d", version)}
		}
	}
	if held != s.after.Held {
		return wrongState("held", s.after.Held, held)
	}
	return mismatch{}
}

// wrongState returns the mismatch of a member of a state.
func wrongState(name string, expected, found any) mismatch {
	return mismatch{"the state's " + name + " does not follow from the events", fmt.Sprint(expected), fmt.Sprint(found)}
}

func (s *ledger) status() string {
	if s.closed {
		return "closed"
	}
	return "open"
}

// checkRowState compares the state in a row, and the row's columns of it, with the ledger.
func (s *accountAudit) checkRowState(row *modelRow) {
	if s.ledger.gapSeen || s.ledger.eventInvalid {
		return
	}
	for name, want := range map[string]table.Value{
		"status": table.S(s.ledger.status()), "frozen": table.S(s.ledger.frozen), "limit_version": table.N(s.ledger.limitVersion),
	} {
		if value, ok := row.attrs[name]; ok && value != want {
			s.differs(rowWrong, row.model, row.version, mismatch{name + " does not follow from the journal", text(want), text(value)})
		}
	}
	state, ok := row.attrs["state"]
	if !ok {
		return
	}
	stated, _ := state.(table.S)
	if wrong := s.ledger.checkState([]byte(stated), s.currency); wrong.what != "" {
		s.differs(rowWrong, row.model, row.version, wrong)
	}
}

// differs reports in what something differs, with both values.
func (s *accountAudit) differs(do Advice, where string, version int64, wrong mismatch) {
	f := finding(do, where, s.account.String(), version, "%s", wrong.what)
	f.Expected, f.Found = wrong.expected, wrong.found
	s.findings = append(s.findings, f)
}

// text returns an attribute for people.
func text(value table.Value) string { return fmt.Sprint(value) }
