package creditlimit

import (
	"encoding/json"
	"fmt"

	"passbook/shared/event"
)

// TypeThresholdCrossed is the type of every Message.
const TypeThresholdCrossed = "CreditLimitThresholdCrossed"

// The directions of a crossing.
const (
	Up   = "up"
	Down = "down"
)

// Thresholds are the utilisations, in basis points, whose crossing causes a Message.
var Thresholds = [...]int64{5000, 8000, 10000}

// Message is a record of the notifications stream. The same crossing always has the same id, so a
// receiver can drop repeats.
type Message struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Tenant    string `json:"tenant"`
	AccountID string `json:"account_id"`
	Version   int64  `json:"version"`
	// Threshold and Utilisation are in basis points of the limit.
	Threshold   int64  `json:"threshold_bps"`
	Direction   string `json:"direction"`
	Utilisation int64  `json:"utilisation_bps"`
}

// band returns the highest threshold that the utilisation has reached. Without a limit there is no
// utilisation, and the last band stays: a limit that is removed does not lower the use.
func (s State) band() int64 {
	bps, ok := s.UtilisationBps()
	if !ok {
		return s.Band
	}
	band := int64(0)
	for _, t := range Thresholds {
		if bps >= t {
			band = t
		}
	}
	return band
}

// crossings returns the thresholds between the states before and after an entry that ends at a
// version, in the order in which they were crossed. A row keeps them until they are sent.
func crossings(before, after State, version int64) []string {
	if before.Band == after.Band {
		return nil
	}
	bps, _ := after.UtilisationBps()
	var list []string
	if after.Band > before.Band {
		for _, t := range Thresholds {
			if t > before.Band && t <= after.Band {
				list = append(list, crossing(version, t, Up, bps))
			}
		}
		return list
	}
	for i := len(Thresholds) - 1; i >= 0; i-- {
		if t := Thresholds[i]; t <= before.Band && t > after.Band {
			list = append(list, crossing(version, t, Down, bps))
		}
	}
	return list
}

// crossing returns a crossing as a row keeps it.
func crossing(version, threshold int64, direction string, bps int64) string {
	return fmt.Sprintf("%d %d %s %d", version, threshold, direction, bps)
}

// message returns the JSON of the Message of a crossing.
func message(a event.Account, crossed string) ([]byte, error) {
	m := Message{Type: TypeThresholdCrossed, Tenant: a.Tenant, AccountID: a.ID}
	if _, err := fmt.Sscanf(crossed, "%d %d %s %d", &m.Version, &m.Threshold, &m.Direction, &m.Utilisation); err != nil {
		return nil, fmt.Errorf("crossing %q: %w", crossed, err)
	}
	m.ID = fmt.Sprintf("%s:%d:%s", a.EventID(m.Version), m.Threshold, m.Direction)
	return json.Marshal(m)
}
