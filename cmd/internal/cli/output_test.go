package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// line is a row of the tests.
type line struct {
	Name   string    `json:"name"`
	Amount int64     `json:"amount"`
	At     time.Time `json:"at,omitzero"`
}

var lineColumns = []Column[line]{
	{Name: "name", Value: func(l line) any { return l.Name }},
	{Name: "amount", Value: func(l line) any { return Money{l.Amount, "EUR"} }},
	{Name: "currency", Value: func(line) any { return "EUR" }, OnlyCSV: true},
	{Name: "at", Value: func(l line) any { return l.At }},
}

func TestRowsInEachForm(t *testing.T) {
	rows := []line{{"rent", -120000, time.Unix(0, 0)}, {"=cmd()", 5, time.Time{}}, {"a\x1b[2Jb\u202ec", 7, time.Time{}}}
	for form, want := range map[string]string{
		"table":  "NAME            AMOUNT  AT\nrent      -1200.00 EUR  1970-01-01T00:00:00Z\n=cmd()        0.05 EUR\na�[2Jb�c      0.07 EUR\n",
		"csv":    "name,amount,currency,at\nrent,-1200.00,EUR,1970-01-01T00:00:00Z\n'=cmd(),0.05,EUR,\na\x1b[2Jb\u202ec,0.07,EUR,\n",
		"ndjson": `{"name":"rent","amount":-120000,"at":"1970-01-01T00:00:00Z"}` + "\n" + `{"name":"=cmd()","amount":5}` + "\n" + `{"name":"a\u001b[2Jb` + "\u202e" + `c","amount":7}` + "\n",
	} {
		if got := write(t, form, rows...); got != want {
			t.Errorf("%s:\n%q\nwant\n%q", form, got, want)
		}
	}
	if got := write(t, "json", rows[1]); got != "[\n  {\n    \"name\": \"=cmd()\",\n    \"amount\": 5\n  }\n]\n" {
		t.Errorf("json:\n%s", got)
	}
	for form, want := range map[string]string{"table": "", "csv": "name,amount,currency,at\n", "ndjson": "", "json": "[]\n"} {
		if got := write(t, form); got != want {
			t.Errorf("nothing as %s: %q, want %q", form, got, want)
		}
	}
}

// write writes rows in a form.
func write(t *testing.T, form string, rows ...line) string {
	t.Helper()
	for i := range rows {
		if !rows[i].At.IsZero() {
			rows[i].At = rows[i].At.UTC()
		}
	}
	var out bytes.Buffer
	w := NewRows(&Terminal{Out: &out}, Output{Format: form}, lineColumns)
	for _, row := range rows {
		if err := w.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestALongTableHasOneHeaderAndNeverGetsNarrower(t *testing.T) {
	rows := make([]line, 3*blockRows)
	rows[0].Name, rows[len(rows)-1].Name = "the longest name of all", "x"
	lines := strings.Split(strings.TrimSpace(write(t, "table", rows...)), "\n")
	if len(lines) != len(rows)+1 || strings.Count(strings.Join(lines, ""), "AMOUNT") != 1 || len(lines[1]) != len(lines[len(lines)-1]) {
		t.Errorf("%d lines, first %q, last %q", len(lines), lines[1], lines[len(lines)-1])
	}
}

func TestOneObject(t *testing.T) {
	for form, want := range map[string]string{
		"table": "name      rent\namount    0.05 EUR\n", "csv": "name,amount,currency,at\nrent,0.05,EUR,\n",
		"json": "{\n  \"name\": \"rent\",\n  \"amount\": 5\n}\n", "ndjson": "{\"name\":\"rent\",\"amount\":5}\n",
	} {
		var out bytes.Buffer
		columns := append(lineColumns[:2:2], Column[line]{Name: "currency", Value: func(line) any { return "EUR" }, OnlyCSV: true}, Column[line]{Name: "at", Value: func(line) any { return "" }})
		if err := One(&Terminal{Out: &out}, Output{Format: form}, line{Name: "rent", Amount: 5}, columns); err != nil || out.String() != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", form, err, out.String(), want)
		}
	}
}

func TestResultsOfJobsInEachForm(t *testing.T) {
	type result struct {
		line
		Parts []int `json:"parts,omitempty"`
	}
	for form, want := range map[string]string{
		"table": "as text\n", "csv": "name,amount,at,parts\nrent,5,,\"[1,2]\"\n'-x,0,,\n", "ndjson": "{\"name\":\"rent\",\"amount\":5,\"parts\":[1,2]}\n{\"name\":\"-x\",\"amount\":0}\n",
	} {
		var out bytes.Buffer
		err := Show(&Terminal{Out: &out}, Output{Format: form}, []result{{line{Name: "rent", Amount: 5}, []int{1, 2}}, {line: line{Name: "-x"}}}, nil, func(w io.Writer) { _, _ = io.WriteString(w, "as text\n") })
		if err != nil || out.String() != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", form, err, out.String(), want)
		}
	}
}

// full is an output that takes nothing more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// speaking is a command that writes a line and looks at nothing.
type speaking struct{}

func (speaking) Run(t *Terminal) error {
	_, _ = io.WriteString(t.Out, "done\n")
	return nil
}

func TestAnOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	var grammar struct {
		Speak speaking `cmd:""`
	}
	var said bytes.Buffer
	if code := Run(context.Background(), "test", "about", &grammar, []string{"speak"}, &Terminal{Out: full{}, Err: &said}); code != ExitFailed || !strings.Contains(said.String(), "no space left") {
		t.Errorf("code %d, said %q", code, said.String())
	}
}

func TestNoColourOffATerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	watched, _ := (&Terminal{Out: file}).watched()
	if watched.Interactive() || watched.Colored() {
		t.Error("a file is taken for a terminal")
	}
}
