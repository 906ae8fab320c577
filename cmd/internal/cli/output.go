package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"

	"passbook/shared/money"
)

// Output has the flags that say how a command writes what it was asked for.
type Output struct {
	Format string `name:"output" short:"o" enum:"table,json,ndjson,csv" default:"table" placeholder:"FORMAT" help:"table, json, ndjson or csv [table]."`
	JSON   bool   `name:"json" hidden:"" help:"The same as -o json."`
}

// The forms of an Output.
const (
	asTable  = "table"
	asJSON   = "json"
	asNDJSON = "ndjson"
	asCSV    = "csv"
)

// form returns the chosen form.
func (o Output) form() string {
	switch {
	case o.JSON:
		return asJSON
	case o.Format == "":
		return asTable
	}
	return o.Format
}

// ForPeople reports whether the command writes for a person rather than for a program.
func (o Output) ForPeople() bool { return o.form() == asTable }

// IsJSON reports whether the command writes JSON, in one text or in one a line.
func (o Output) IsJSON() bool { return o.form() == asJSON || o.form() == asNDJSON }

// Column is a named part of the rows that a command writes. Names are stable: scripts know them.
type Column[T any] struct {
	Name string
	// Value returns a string, an integer, a bool, a time, Money, or nil for nothing.
	Value func(T) any
	// OnlyCSV leaves the column out of tables, whose money has its currency beside it.
	OnlyCSV bool
}

// Money is a value of a Column: "25.00 EUR" in a table, 25.00 in CSV.
type Money struct {
	Minor    int64
	Currency string
}

// Interactive reports whether a person sees on a terminal what the program writes.
func (t *Terminal) Interactive() bool {
	f, ok := t.Out.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colored reports whether the output may have colours: on a terminal, unless NO_COLOR is set.
func (t *Terminal) Colored() bool {
	return t.Interactive() && t.Getenv("NO_COLOR") == "" && t.Getenv("TERM") != "dumb"
}

// Getenv returns the value of an environment variable, the last one that is given.
func (t *Terminal) Getenv(name string) (value string) {
	for _, variable := range t.Environ {
		if text, ok := strings.CutPrefix(variable, name+"="); ok {
			value = text
		}
	}
	return value
}

// One writes one object: in a table as a line for each column, in JSON as it is.
func One[T any](t *Terminal, o Output, object T, columns []Column[T]) error {
	switch o.form() {
	case asJSON:
		return encodeJSON(t.Out, object)
	case asNDJSON:
		return json.NewEncoder(t.Out).Encode(object)
	case asCSV:
		rows := NewRows(t, o, columns)
		if err := rows.Add(object); err != nil {
			return err
		}
		return rows.Close()
	}
	width := 0
	for _, c := range columns {
		width = max(width, len(c.Name))
	}
	for _, c := range columns {
		value := c.Value(object)
		if c.OnlyCSV || value == nil || value == "" {
			continue
		}
		if _, err := fmt.Fprintf(t.Out, "%-*s  %s\n", width, c.Name, readable(value)); err != nil {
			return err
		}
	}
	return nil
}

// encodeJSON writes a value as indented JSON.
func encodeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// readable returns a value for a table. Text from the bank was typed by others: what would move the
// cursor, or hide, is not shown.
func readable(value any) string {
	if m, ok := value.(Money); ok {
		return money.Format(m.Minor, m.Currency)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, plain(value))
}

// plain returns a value as text without a unit.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339Nano)
	case Money:
		number, _, _ := strings.Cut(money.Format(v.Minor, v.Currency), " ")
		return number
	}
	return fmt.Sprint(value)
}

// numeric reports whether a value is aligned at its right end.
func numeric(value any) bool {
	switch value.(type) {
	case Money, int, int64, uint64, float64:
		return true
	}
	return false
}

// CSVRecord returns values as the cells of a CSV file: numbers without a unit, and no text that a
// spreadsheet takes for a formula.
func CSVRecord(values []any) []string {
	cells := make([]string, len(values))
	for i, value := range values {
		cells[i] = plain(value)
		if text, ok := value.(string); ok && text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
			if _, err := strconv.ParseInt(text, 10, 64); err != nil {
				cells[i] = "'" + text
			}
		}
	}
	return cells
}

// writeCSV writes a record through to the output, so that a reader of a pipe sees it at once.
func writeCSV(w *csv.Writer, record []string) error {
	if err := w.Write(record); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

// checked remembers that the output could not be written, which most commands do not look at.
type checked struct {
	io.Writer
	err error
}

// Write writes, and remembers the first failure.
func (c *checked) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	if err != nil && c.err == nil {
		c.err = err
	}
	return n, err
}

// checkedFile is a checked that is a file, so that a terminal is still seen to be one.
type checkedFile struct {
	checked
	file *os.File
}

// Fd returns the descriptor of the file.
func (c *checkedFile) Fd() uintptr { return c.file.Fd() }

// watched returns a terminal whose output remembers its first failure, and a function that returns
// it.
func (t *Terminal) watched() (*Terminal, func() error) {
	copied := *t
	if file, ok := t.Out.(*os.File); ok {
		out := &checkedFile{checked: checked{Writer: file}, file: file}
		copied.Out = out
		return &copied, func() error { return out.err }
	}
	out := &checked{Writer: t.Out}
	copied.Out = out
	return &copied, func() error { return out.err }
}
