package endofday

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Balance is what an account had at the end of a day, or the other side of its movements: exactly
// one of Account, Contra and Kind is given. Contra is an account of the bank's books that events
// named, and Kind stands for those that named none: deposit, cash and so on, reversal, or transfer,
// of which both sides are accounts.
type Balance struct {
	Tenant   string `json:"tenant"`
	Account  string `json:"account,omitempty"`
	Contra   string `json:"contra,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Currency string `json:"currency"`
	// Version and Hash are of the account's last entry.
	Version int64  `json:"version,omitempty"`
	Hash    string `json:"hash,omitempty"`
	// Posted is the balance, positive where the bank owes it. Held and Limit are the account's.
	Posted int64 `json:"posted"`
	Held   int64 `json:"held,omitempty"`
	Limit  int64 `json:"limit,omitempty"`
	// Debits and Credits are what the manifest's entries moved.
	Debits  int64 `json:"debits,omitempty"`
	Credits int64 `json:"credits,omitempty"`
}

// Late is an entry that was recorded on a day that had been sealed when it came.
type Late struct {
	Date     string    `json:"date"`
	Tenant   string    `json:"tenant"`
	Account  string    `json:"account"`
	First    int64     `json:"first"`
	Last     int64     `json:"last"`
	Hash     string    `json:"hash"`
	Recorded time.Time `json:"recorded_at"`
	Currency string    `json:"currency"`
	// Delta is what it changed the balance by.
	Delta   int64  `json:"delta"`
	Segment string `json:"segment"`
}

// Segment is a segment that was read for a manifest.
type Segment struct {
	Leaf    int64  `json:"leaf"`
	Key     string `json:"key"`
	Sum     string `json:"sha256"`
	Rows    int64  `json:"rows"`
	Entries int64  `json:"entries"`
	// Counted is how many of its entries the manifest counts. Others are there again, or in Later:
	// those recorded after the day.
	Counted int64 `json:"counted"`
	Later   int64 `json:"later"`
}

// Source is how far a source of segments is in the log: its last sequence number.
type Source struct {
	Source string `json:"source"`
	Last   string `json:"last_sequence"`
}

// linesMost is how many lines an object has at most, where the manifest does not say otherwise.
const linesMost = 1 << 16

// appendLine appends a line.
func appendLine[T any](to *bytes.Buffer, line T) {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(line) // strings, numbers and times: it never fails
}

// parseLines reads lines, and nothing that appendLine would not have written.
func parseLines[T any](data []byte) (lines []T, err error) {
	var again bytes.Buffer
	for text := range bytes.Lines(data) {
		var line T
		if err := json.Unmarshal(text, &line); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(lines)+1, err)
		}
		if appendLine(&again, line); !bytes.Equal(again.Bytes(), text) {
			return nil, fmt.Errorf("line %d is not as a program of the bank writes it", len(lines)+1)
		}
		again.Reset()
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return nil, errors.New("it has no line")
	}
	return lines, nil
}
