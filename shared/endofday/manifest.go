package endofday

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"passbook/shared/archivelog"
	"passbook/shared/event"
)

// heading is the first line of what is signed. A checkpoint of the log begins with another one, so
// that neither can be taken for the other.
const heading = "passbook end-of-day manifest\n"

// Format is the newest format of manifests that this program reads, and the one that it writes.
const Format = 1

// Manifest is what a bank had at the end of a day.
type Manifest struct {
	Format int    `json:"format"`
	Bank   string `json:"bank"`
	// Date is the day's, which is from From up to To, the latter excluded, in Zone with the cutoff
	// Cutoff.
	Date   string    `json:"date"`
	Zone   string    `json:"zone"`
	Cutoff string    `json:"cutoff"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	// Previous is the SHA-256 of the text of the manifest of the day before; empty in the first.
	Previous string `json:"previous,omitempty"`
	// Log is the log as it was when the day was sealed: no later leaf counts.
	Log Log `json:"log"`
	// Entries and Events are those of the day, Earlier the entries before From of the first
	// manifest, and Late those of days that were sealed before.
	Entries     int64 `json:"entries"`
	Events      int64 `json:"events"`
	Earlier     int64 `json:"earlier_entries"`
	LateEntries int64 `json:"late_entries"`
	LateEvents  int64 `json:"late_events"`
	// Accounts is the number of accounts at the end of the day, and Heads the digest of the last
	// version and hash of each.
	Accounts int64  `json:"accounts"`
	Heads    string `json:"heads"`
	// Trial is the trial balance of each currency, and Totals what was moved, by date.
	Trial  []Trial `json:"trial_balance"`
	Totals []Total `json:"totals"`
	// Balances and Late are in as many parts as the accounts are divided into: part n has those of
	// which archive.Part is n.
	Balances []Part `json:"balances"`
	Late     []Part `json:"late"`
	// Contras has the balances of the other sides of the accounts' movements.
	Contras []Part `json:"contras"`
	// Segments are the segments that were read.
	Segments []Part `json:"segments"`
	// Sources are how far each source is in the log.
	Sources []Part `json:"sources"`
}

// Log is a state of the signed log.
type Log struct {
	Size int64     `json:"leaves"`
	Root tlog.Hash `json:"root"`
}

// Part is an object with lines of a manifest. One without lines has no object.
type Part struct {
	Lines int64  `json:"lines"`
	Sum   string `json:"sha256,omitempty"`
}

// Trial is the trial balance of a currency.
type Trial struct {
	Currency string `json:"currency"`
	// Opening is what all accounts had together when the day began, Movement what its entries
	// changed, and Late what those of earlier days did. Closing is the sum of the three.
	Opening  int64 `json:"opening"`
	Movement int64 `json:"movement"`
	Late     int64 `json:"late"`
	Closing  int64 `json:"closing"`
	// Debits and Credits are those of the accounts and their contras, which are equal.
	Debits  int64 `json:"debits"`
	Credits int64 `json:"credits"`
	// DebitBalances and CreditBalances are the sums of what accounts and contras have on either
	// side at the end of the day, which are equal.
	DebitBalances  int64 `json:"debit_balances"`
	CreditBalances int64 `json:"credit_balances"`
}

// Total is what events of a type and kind moved on a date. A date before that of the manifest is
// that of late entries.
type Total struct {
	Date     string `json:"date"`
	Currency string `json:"currency"`
	Type     string `json:"type"`
	Kind     string `json:"kind,omitempty"`
	Events   int64  `json:"events"`
	// Amount is the sum of their amounts, and Delta that of their effects on balances.
	Amount int64 `json:"amount"`
	Delta  int64 `json:"delta"`
}

// text returns what is signed.
func (m Manifest) text() string {
	var b bytes.Buffer
	b.WriteString(heading)
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	_ = encoder.Encode(m) // strings, numbers and times: it never fails
	return b.String()
}

// Sum returns the SHA-256 of what is signed.
func (m Manifest) Sum() string { return sumOf([]byte(m.text())) }

func sumOf(data []byte) string { return event.Hash(sha256.Sum256(data)).String() }

// sign returns the manifest with a signature.
func (m Manifest) sign(by note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: m.text()}, by)
	if err != nil {
		return nil, fmt.Errorf("sign the manifest of %s: %w", m.Date, err)
	}
	return signed, nil
}

// Open returns a signed manifest. It fails unless one of the keys signed it, and is a key of the
// log of the bank that it names.
func Open(signed []byte, keys []note.Verifier) (m Manifest, err error) {
	opened, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return m, fmt.Errorf("end-of-day manifest: %w", err)
	}
	body, headed := bytes.CutPrefix([]byte(opened.Text), []byte(heading))
	if !headed {
		return m, errors.New("not an end-of-day manifest")
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("end-of-day manifest: %w", err)
	}
	switch {
	case m.Format > Format:
		return m, fmt.Errorf("an end-of-day manifest of format %d, which a newer program wrote; this one reads up to %d", m.Format, Format)
	case m.text() != opened.Text:
		return m, errors.New("not an end-of-day manifest as this program writes it")
	}
	for _, by := range opened.Sigs {
		if by.Name == archivelog.KeyName(m.Bank) {
			return m, nil
		}
	}
	return m, fmt.Errorf("the key of %s signed an end-of-day manifest of bank %s", opened.Sigs[0].Name, m.Bank)
}
