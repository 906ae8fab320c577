package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxLines is the most lines of a file: what is remembered of each fits in memory.
	maxLines = 1_000_000
	// maxLineBytes bounds a line of NDJSON.
	maxLineBytes = 64 << 10
	// maxRecordBytes bounds a line of CSV, with what is read ahead of it.
	maxRecordBytes = 1 << 20
)

// Fault is what is wrong with a line, and what to do about it.
type Fault struct {
	Line   int    `json:"line"`
	Field  string `json:"field,omitempty"`
	Fault  string `json:"fault"`
	Remedy string `json:"remedy"`
}

// row is a line of the file: its cells by the names of their columns, empty ones left out.
type row struct {
	line  int
	cells map[string]string
	// faults say why the line cannot be read; it has no cells then.
	faults []Fault
}

// unreadable returns a line that cannot be read.
func unreadable(line int, field, fault, remedy string) row {
	return row{line: line, faults: []Fault{{line, field, fault, remedy}}}
}

// saveAsUTF8 is the remedy for texts in another encoding, which JSON would silently replace.
const saveAsUTF8 = "save the file as UTF-8, or convert it: iconv -f latin1 -t utf8"

// source is a file that is read several times.
type source struct {
	file  io.ReadSeeker
	lines bool // NDJSON
	comma rune
	// columns renames the columns of the file; to nothing for one that is passed over.
	columns map[string]string
}

// openSource opens a file. Standard input is kept in a temporary file, which is removed.
func openSource(path string, stdin io.Reader) (*os.File, error) {
	if path != "-" {
		file, err := os.Open(path) //nolint:gosec // the caller names it
		if err != nil {
			return nil, fmt.Errorf("open the file: %w", err)
		}
		return file, nil
	}
	file, err := os.CreateTemp("", "bank-import-")
	if err != nil {
		return nil, fmt.Errorf("keep what is imported: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("keep what is imported: %w", err), file.Close())
	}
	if _, err := io.Copy(file, stdin); err != nil {
		return nil, errors.Join(fmt.Errorf("read standard input: %w", err), file.Close())
	}
	return file, nil
}

// rows reads the file from its beginning. A line that cannot be read has a fault and no cells; an
// error ends the reading.
func (s *source) rows() iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			yield(row{}, fmt.Errorf("read the file: %w", err))
			return
		}
		in := bufio.NewReaderSize(s.file, maxLineBytes)
		if bom, err := in.Peek(3); err == nil && bytes.Equal(bom, []byte("\ufeff")) {
			_, _ = in.Discard(3) // they were read
		}
		if s.lines {
			s.readLines(in, yield)
			return
		}
		s.readCSV(in, yield)
	}
}

// readCSV reads CSV with a header.
func (s *source) readCSV(in io.Reader, yield func(row, error) bool) {
	bounded := &boundedReader{in, maxRecordBytes}
	r := csv.NewReader(bounded)
	r.Comma, r.ReuseRecord = s.comma, true
	header, err := r.Read()
	if err != nil {
		yield(row{}, fmt.Errorf("read the header: %w", badFile(err)))
		return
	}
	names, err := s.names(header)
	if err != nil {
		yield(row{}, err)
		return
	}
	for count := 1; ; count++ {
		bounded.left = maxRecordBytes
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil && count > maxLines {
			err = fmt.Errorf("the file has more than %d lines: split it", maxLines)
		}
		if err != nil && !errors.Is(err, csv.ErrFieldCount) {
			yield(row{}, badFile(err))
			return
		}
		line, _ := r.FieldPos(0)
		if !yield(csvRow(line, names, record), nil) {
			return
		}
	}
}

// csvRow returns the line of a record.
func csvRow(line int, names, record []string) row {
	if len(record) != len(names) {
		return unreadable(line, "", fmt.Sprintf("it has %d cells, the header %d", len(record), len(names)), "put a cell with a comma in quotes, and leave none out")
	}
	cells := make(map[string]string, len(record))
	for i, text := range record {
		if text = strings.TrimSpace(text); text == "" || names[i] == "" {
			continue
		}
		if !utf8.ValidString(text) {
			return unreadable(line, names[i], "it is not UTF-8", saveAsUTF8)
		}
		cells[names[i]] = unquoted(text)
	}
	return row{line: line, cells: cells}
}

// boundedReader reads no more than a number of bytes for a record, so that a quote that is not
// closed does not take the rest of the file into memory.
type boundedReader struct {
	io.Reader
	left int
}

// Read implements io.Reader.
func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("a line has more than %d bytes: look for a quote that is not closed", maxRecordBytes)
	}
	return n, err
}

// badFile adds to an error what to do about a file that is not CSV.
func badFile(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty: its first line has the names of the columns")
	}
	return err
}

// unquoted returns a cell without the sign that keeps spreadsheets from taking it for a formula.
func unquoted(text string) string {
	if len(text) > 1 && text[0] == '\'' && strings.IndexByte("=+-@\t\r\n", text[1]) >= 0 {
		return text[1:]
	}
	return text
}

// names returns the names of the columns of a header, empty for those that are passed over.
func (s *source) names(header []string) ([]string, error) {
	names := make([]string, len(header))
	for i, given := range header {
		name, err := s.name(strings.TrimSpace(given))
		if err != nil {
			return nil, err
		}
		if name != "" && slices.Contains(names[:i], name) {
			return nil, fmt.Errorf("two columns are %s", name)
		}
		names[i] = name
	}
	return names, nil
}

// name returns the column that a name in the file stands for, empty for one that is passed over.
func (s *source) name(given string) (string, error) {
	if name, ok := s.columns[given]; ok {
		return name, nil
	}
	name := strings.ToLower(given)
	if name == "account_id" {
		name = "account"
	}
	switch {
	case slices.Contains(columnNames, name):
		return name, nil
	case slices.Contains(passedOver, name):
		return "", nil
	}
	return "", fmt.Errorf("there is no column %q: the columns are %s; --map %s=COLUMN renames it, --map %s= passes it over", given, strings.Join(columnNames, ", "), given, given)
}

// readLines reads NDJSON: an object a line, with the names of columns.
func (s *source) readLines(in *bufio.Reader, yield func(row, error) bool) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, maxLineBytes), maxLineBytes)
	for line := 1; scanner.Scan(); line++ {
		text := bytes.TrimSpace(scanner.Bytes())
		if len(text) == 0 {
			continue
		}
		if line > maxLines {
			yield(row{}, fmt.Errorf("the file has more than %d lines: split it", maxLines))
			return
		}
		if !yield(s.lineRow(line, text), nil) {
			return
		}
	}
	if err := scanner.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("a line has more than %d bytes", maxLineBytes)
		}
		yield(row{}, fmt.Errorf("read the file: %w", err))
	}
}

// lineRow returns a line of NDJSON.
func (s *source) lineRow(line int, text []byte) row {
	if !utf8.Valid(text) {
		return unreadable(line, "", "it is not UTF-8", saveAsUTF8)
	}
	cells, err := s.object(text)
	if err != nil {
		return unreadable(line, "", err.Error(), "write an object with the names of columns, each once: docs/import.md")
	}
	return row{line: line, cells: cells}
}

// object returns the cells of an object. Amounts are texts with decimals or whole numbers of minor
// units; a number with decimals is not exact in every reader, so it is refused.
func (s *source) object(text []byte) (map[string]string, error) {
	members, err := membersOf(text)
	if err != nil {
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	cells, seen := make(map[string]string, len(members)), map[string]bool{}
	for _, m := range members {
		name, err := s.name(m.name)
		if err != nil {
			return nil, err
		}
		if name != "" && seen[name] {
			return nil, fmt.Errorf("two members are %s", name)
		}
		seen[name] = true
		value := m.value
		var cell string
		switch {
		case name == "" || string(value) == "null":
			continue
		case value[0] == '"':
			if err := json.Unmarshal(value, &cell); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		case strings.HasSuffix(name, "_minor") && strings.Trim(string(value), "-0123456789") == "":
			cell = string(value)
		default:
			return nil, fmt.Errorf("%s is not a text: write it in quotes, an amount as %q, or in minor units as amount_minor", name, "25.00")
		}
		if cell != "" {
			cells[name] = cell
		}
	}
	return cells, nil
}

// member is a member of a JSON object.
type member struct {
	name  string
	value json.RawMessage
}

// membersOf returns the members of an object, also those that have the name of another one: a map
// would keep one of them.
func membersOf(text []byte) (members []member, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	begin, err := d.Token()
	if err != nil {
		return nil, err
	}
	if begin != json.Delim('{') {
		return nil, errors.New("it begins with something else")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: name.(string)} // the decoder lets no other name pass
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after it")
	}
	return members, nil
}
