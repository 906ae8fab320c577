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

// checkState returns in what a state differs from the expected one; "" if in nothing. Nothing is
// checked if the ledger itself may be wrong.
func (s *ledger) checkState(data []byte, currency string) string {
	if s.gapSeen || s.eventInvalid {
		return ""
	}
	var state stateJSON
	err := json.Unmarshal(data, &state)
	switch {
	case err != nil:
		return "the state cannot be read"
	case state.Format != stateFormat:
		return ""
	case state.Version != s.version:
		return fmt.Sprintf("the state is of v%d", state.Version)
	case state.Currency != currency:
		return s.wrongState("currency")
	case state.Posted != s.after.Posted:
		return s.wrongState("posted")
	case state.Limit != s.after.Limit:
		return s.wrongState("limit")
	case state.LimitVersion != s.limitVersion:
		return s.wrongState("limit version")
	case state.Status != s.status():
		return s.wrongState("status")
	case state.Frozen != s.frozen:
		return s.wrongState("frozen")
	}
	return s.checkHolds(state)
}

// checkHolds compares the open holds, each by its version and remainder, and their sum.
func (s *ledger) checkHolds(state stateJSON) string {
	seen := make(map[int64]bool, len(state.Holds))
	var held int64
	for _, h := range state.Holds {
		if open, ok := s.holds[h.Version]; !ok || open != h.Amount || seen[h.Version] {
			return fmt.Sprintf("the state's hold h%d does not follow from the events", h.Version)
		}
		seen[h.Version] = true
		held += h.Amount
	}
	for version := range s.holds {
		if !seen[version] {
			return fmt.Sprintf("the state lacks hold h%d", version)
		}
	}
	if held != s.after.Held {
		return s.wrongState("held")
	}
	return ""
}

func (*ledger) wrongState(name string) string {
	return "the state's " + name + " does not follow from the events"
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
			s.find(rowWrong, row.model, row.version, "%s does not follow from the journal", name)
		}
	}
	state, ok := row.attrs["state"]
	if !ok {
		return
	}
	text, _ := state.(table.S)
	wrong := s.ledger.checkState([]byte(text), s.currency)
	if wrong != "" {
		s.find(rowWrong, row.model, row.version, "%s", wrong)
	}
}
