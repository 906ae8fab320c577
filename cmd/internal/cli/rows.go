package cli

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// blockRows is how many rows of a table wait for a common width.
const blockRows = 200

// Rows writes rows as they come, in bounded memory: as a table, as CSV with a header, as an array
// of JSON or as a JSON text a line.
type Rows[T any] struct {
	t       *Terminal
	form    string
	columns []Column[T]
	csv     *csv.Writer
	count   int

	block  []table.Row
	widths []int
	right  []bool
	headed bool
}

// NewRows begins to write rows of the columns.
func NewRows[T any](t *Terminal, o Output, columns []Column[T]) *Rows[T] {
	r := &Rows[T]{t: t, form: o.form(), csv: csv.NewWriter(t.Out)}
	for _, c := range columns {
		if !c.OnlyCSV || r.form == asCSV {
			r.columns = append(r.columns, c)
		}
	}
	r.widths, r.right = make([]int, len(r.columns)), make([]bool, len(r.columns))
	return r
}

// Count returns how many rows were added.
func (r *Rows[T]) Count() int { return r.count }

// Add writes a row; of a table it may wait until there are more.
func (r *Rows[T]) Add(row T) error {
	r.count++
	switch r.form {
	case asJSON:
		return r.addJSON(row)
	case asNDJSON:
		return json.NewEncoder(r.t.Out).Encode(row)
	case asCSV:
		if err := r.headCSV(); err != nil {
			return err
		}
		values := make([]any, len(r.columns))
		for i, c := range r.columns {
			values[i] = c.Value(row)
		}
		return writeCSV(r.csv, CSVRecord(values))
	}
	cells := make(table.Row, len(r.columns))
	for i, c := range r.columns {
		value := c.Value(row)
		r.right[i] = r.right[i] || numeric(value)
		cells[i] = readable(value)
	}
	if r.block = append(r.block, cells); len(r.block) < blockRows {
		return nil
	}
	return r.Flush()
}

// addJSON writes a row as the next element of an array.
func (r *Rows[T]) addJSON(row T) error {
	element, err := json.MarshalIndent(row, "  ", "  ")
	if err != nil {
		return err
	}
	before := ",\n  "
	if r.count == 1 {
		before = "[\n  "
	}
	_, err = io.WriteString(r.t.Out, before+string(element))
	return err
}

// headCSV writes the header, once.
func (r *Rows[T]) headCSV() error {
	if r.headed {
		return nil
	}
	r.headed = true
	names := make([]string, len(r.columns))
	for i, c := range r.columns {
		names[i] = c.Name
	}
	return writeCSV(r.csv, names)
}

// Flush writes the rows of a table that wait. Later ones are at least as wide.
func (r *Rows[T]) Flush() error {
	if len(r.block) == 0 {
		return nil
	}
	w := table.NewWriter()
	w.SetStyle(bare(r.t.Colored()))
	head, configs := make(table.Row, len(r.columns)), make([]table.ColumnConfig, len(r.columns))
	for i, c := range r.columns {
		head[i] = strings.ToUpper(c.Name)
		r.widths[i] = max(r.widths[i], text.StringWidthWithoutEscSequences(c.Name))
		for _, cells := range r.block {
			cell, _ := cells[i].(string)
			r.widths[i] = max(r.widths[i], text.StringWidthWithoutEscSequences(cell))
		}
		configs[i] = table.ColumnConfig{Number: i + 1, WidthMin: r.widths[i]}
		if r.right[i] {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	w.SetColumnConfigs(configs)
	if !r.headed {
		w.AppendHeader(head)
		r.headed = true
	}
	w.AppendRows(r.block)
	r.block = r.block[:0]
	for line := range strings.Lines(w.Render() + "\n") {
		if _, err := io.WriteString(r.t.Out, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// bare returns the style of tables: columns apart by two spaces, and nothing drawn.
func bare(colored bool) table.Style {
	style := table.Style{Box: table.StyleBoxDefault, Format: table.FormatOptions{Header: text.FormatDefault}, Options: table.OptionsNoBordersAndSeparators}
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	if colored {
		style.Color.Header = text.Colors{text.Bold}
	}
	return style
}

// Close writes what waits, and ends what was begun: an empty list is [] in JSON, a header in CSV
// and nothing in a table.
func (r *Rows[T]) Close() error {
	switch {
	case r.form == asTable:
		return r.Flush()
	case r.form == asCSV:
		return r.headCSV()
	case r.form == asJSON && r.count == 0:
		_, err := io.WriteString(r.t.Out, "[]\n")
		return err
	case r.form == asJSON:
		_, err := io.WriteString(r.t.Out, "\n]\n")
		return err
	}
	return nil
}
