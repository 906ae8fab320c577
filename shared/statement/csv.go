package statement

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"passbook/shared/canonicaljson"
)

// csvColumns are the columns of a file in CSV.
var csvColumns = []string{
	"effective_at", "recorded_at", "version", "event_id", "transaction_id", "type", "kind", "hold_id", "original_transaction_id", "contra", "reference",
	"amount", "balance", "currency", "amount_minor", "balance_minor",
}

// csvFile writes CSV: a line of names, then each line of the statement.
type csvFile struct {
	*csv.Writer
	currency string
}

func newCSV(w io.Writer) writer { return &csvFile{Writer: csv.NewWriter(w)} }

func (f *csvFile) begin(h heading) error {
	f.currency = h.Currency
	return f.Write(csvColumns)
}

func (f *csvFile) line(l Line) error {
	return f.Write([]string{
		l.EffectiveAt.Format(time.DateOnly), string(canonicaljson.AppendTime(nil, l.RecordedAt.UTC())), strconv.FormatInt(l.Version, 10), l.EventID, l.TransactionID, l.Type, l.Kind,
		l.HoldID, l.OriginalTransactionID, cell(plain(l.Contra)), cell(plain(l.Reference)),
		decimal(l.Amount, f.currency), decimal(l.Posted, f.currency), f.currency, strconv.FormatInt(l.Amount, 10), strconv.FormatInt(l.Posted, 10),
	})
}

func (f *csvFile) end() error {
	f.Flush()
	return f.Error()
}

// cell returns a text that no program takes for a formula.
func cell(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r\n", s[0]) >= 0 {
		return "'" + s
	}
	return s
}
