package importer

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sample is a statement of another bank: dates, where the file has them, amounts and balances of
// public samples of MT940, camt.053 and BAI2.
type sample struct {
	Statement, Currency, Opening, Closing string
	Lines                                 [][2]*string
}

// cents returns a decimal of a sample in minor units, by arithmetic that is not the importer's.
func cents(t *testing.T, text string) int64 {
	t.Helper()
	v, ok := new(big.Rat).SetString(text)
	if !ok || !v.Mul(v, big.NewRat(100, 1)).IsInt() {
		t.Fatalf("%q is no amount", text)
	}
	return v.Num().Int64()
}

// decimal returns minor units with a point.
func decimal(minor int64) string { return big.NewRat(minor, 100).FloatString(2) }

// csvOf returns a sample as a file to import, the balance after each of its lines, and the numbers
// of the lines that are dated before a day.
func (s sample) csvOf(t *testing.T, id string, first time.Time) (text string, running []int64, old []string) {
	t.Helper()
	balance := cents(t, s.Opening)
	running = []int64{0, balance}
	rows := [][]string{
		{"op", "account", "amount", "currency", "effective_at", "balance"},
		{"open", id, "", s.Currency, "", "0.00"},
		{"opening", id, s.Opening, s.Currency, "", decimal(balance)},
	}
	for _, l := range s.Lines {
		date := ""
		if l[0] != nil {
			date = *l[0]
			if day, err := time.Parse(time.DateOnly, date); err != nil {
				t.Fatal(err)
			} else if day.Before(first) {
				old = append(old, strconv.Itoa(len(rows)+1))
			}
		}
		balance += cents(t, *l[1])
		running = append(running, balance)
		rows = append(rows, []string{"", id, *l[1], s.Currency, date, decimal(balance)})
	}
	var b strings.Builder
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.String(), running, old
}

// Statements of other banks are imported line by line: the balance after each is the file's.
// Lines older than the bank's window for value dates are named, and booked without those dates.
func TestStatementsOfOtherBanks(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "statements.json"))
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	if err := json.Unmarshal(raw, &samples); err != nil {
		t.Fatal(err)
	}
	b := serve(t)
	first := b.clock.Now().UTC().AddDate(0, 0, -3650).Truncate(24 * time.Hour)
	closing, dated := 0, 0
	for n, s := range samples {
		id := "S-" + strconv.Itoa(n)
		text, running, old := s.csvOf(t, id, first)
		c := Command{File: "-", Name: s.Statement, Format: "csv"}
		r := b.run(t.Context(), c, text, io.Discard)
		if len(old) > 0 {
			dated += len(old)
			if got := column0(t, r.out); r.err == nil || strings.Join(got, " ") != strings.Join(old, " ") || !strings.Contains(r.out, "--map effective_at=") {
				t.Fatalf("%s: lines %v are refused, not %v: %v\n%s", s.Statement, got, old, r.err, r.out)
			}
			c.Map = []string{"effective_at="}
			r = b.run(t.Context(), c, text, io.Discard)
		}
		if r.err != nil {
			t.Errorf("%s: %v\n%s", s.Statement, r.err, r.out)
			continue
		}
		version := 0
		for i, want := range running {
			if i == 1 && want == 0 { // an opening balance of 0 books nothing
				continue
			}
			version++
			if got := b.client.Get("/v1/accounts/" + id + "/balance?version=" + strconv.Itoa(version)).Int("posted"); got != want {
				t.Errorf("%s: the balance after line %d is %d, that of the file %d", s.Statement, i+2, got, want)
			}
		}
		if b.posted(id) == cents(t, s.Closing) {
			closing++
		}
	}
	// Two of the samples were shortened by those who published them, and do not add up.
	if len(samples) != 10 || closing != 8 || dated != 6 {
		t.Errorf("%d samples, %d with the file's closing balance, %d lines with old dates", len(samples), closing, dated)
	}
}

// column0 returns the first cell of each row of CSV.
func column0(t *testing.T, text string) (cells []string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, row := range rows[1:] {
		cells = append(cells, row[0])
	}
	return cells
}
