package audit

import (
	"encoding/json"
	"fmt"

	"passbook/shared/table"
)

// stateFormat is the format of a state that this package reads; a reader passes over any other.
const stateFormat = 1

// stateJSON is what the audit proves of a state: of an entry's, on which commands are decided, and
// of a row's, from which readers are answered. Held is not written: it is the sum of the holds.
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

// checkState says what of a state is not as the account stands; "" is nothing. Nothing is judged
// where the standing itself is in doubt.
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

// checkHolds compares the open holds, each by its version and remainder, and with them their sum.
func (s *ledger) checkHolds(state stateJSON) string {
	seen := make(map[int64]bool, len(state.Holds))
	var held int64
	for _, h := range state.Holds {
		if open, ok := s.holds[h.Version]; !ok || open != h.Amount || seen[h.Version] {
			return fmt.Sprintf("the state's hold h%d is not what the events make it", h.Version)
		}
		seen[h.Version] = true
		held += h.Amount
	}
	for version := range s.holds {
		if !seen[version] {
			return fmt.Sprintf("the state lacks the hold h%d", version)
		}
	}
	if held != s.after.Held {
		return s.wrongState("held")
	}
	return ""
}

func (*ledger) wrongState(name string) string {
	return "the state's " + name + " is not what the events make it"
}

func (s *ledger) status() string {
	if s.closed {
		return "closed"
	}
	return "open"
}

// checkRowState holds the state that a row carries, and its columns of a state, against the
// standing.
func (s *accountAudit) checkRowState(row *modelRow) {
	if s.ledger.gapSeen || s.ledger.eventInvalid {
		return
	}
	for name, want := range map[string]table.Value{
		"status": table.S(s.ledger.status()), "frozen": table.S(s.ledger.frozen), "limit_version": table.N(s.ledger.limitVersion),
	} {
		if value, there := row.attrs[name]; there && value != want {
			s.find(rowWrong, row.model, row.version, "%s is not what the journal makes it", name)
		}
	}
	state, there := row.attrs["state"]
	if !there {
		return
	}
	text, _ := state.(table.S)
	wrong := s.ledger.checkState([]byte(text), s.currency)
	if wrong != "" {
		s.find(rowWrong, row.model, row.version, "%s", wrong)
	}
}
