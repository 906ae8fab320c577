package statement

import (
	"encoding/csv"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/event"
)

var update = flag.Bool("update", false, "write testdata as the files are now")

// The files of an account with every kind of line are those in testdata, of which schema/run.sh
// validates the camt.053 messages against the schema of ISO 20022.
func TestFilesOfEveryKindOfLine(t *testing.T) {
	b := serve(t)
	b.sample("A-1")
	for query, name := range map[string]string{
		"csv": "all.csv", "camt053": "all.xml", "html": "all.html",
		"camt053&from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z": "november.xml",
		"html&from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z":    "november.html",
		"camt053&from_version=2&to_version=3":                       "versions.xml",
	} {
		r := b.file("A-1", query)
		if r.Status != 200 {
			t.Fatalf("%s: %d %s", query, r.Status, r.Body)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, r.Body, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(r.Body) {
			t.Errorf("%s is not %s:\n%s", query, path, r.Body)
		}
		b.clock.Advance(24 * time.Hour)
		if again := b.file("A-1", query); string(again.Body) != string(r.Body) {
			t.Errorf("%s has other bytes a day later", query)
		}
	}
}

// read returns the amounts and balances of a file in CSV, in minor units of both kinds of columns.
func read(t *rapid.T, body []byte) (sum, last int64) {
	records, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	if err != nil || fmt.Sprint(records[0]) != fmt.Sprint(csvColumns) {
		t.Fatalf("%v %v", err, records)
	}
	column := func(record []string, name string) string {
		for i, c := range csvColumns {
			if c == name {
				return record[i]
			}
		}
		return ""
	}
	for _, r := range records[1:] {
		amount, err := strconv.ParseInt(column(r, "amount_minor"), 10, 64)
		if err != nil || decimal(amount, column(r, "currency")) != column(r, "amount") {
			t.Fatalf("%v", r)
		}
		sum += amount
		if last, err = strconv.ParseInt(column(r, "balance_minor"), 10, 64); err != nil || decimal(last, column(r, "currency")) != column(r, "balance") {
			t.Fatalf("%v", r)
		}
	}
	return sum, last
}

// message is what a reader of camt.053 takes from a message.
type message struct {
	Balances []struct {
		Code string `xml:"Tp>CdOrPrtry>Cd"`
		side
	} `xml:"BkToCstmrStmt>Stmt>Bal"`
	Entries []side `xml:"BkToCstmrStmt>Stmt>Ntry"`
}

// side is an amount with its side.
type side struct {
	Amount string `xml:"Amt"`
	Side   string `xml:"CdtDbtInd"`
}

// minor returns the amount in minor units, with its sign.
func (s side) minor(t *rapid.T, exponent int) int64 {
	whole, fraction, _ := strings.Cut(s.Amount, ".")
	v, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || len(fraction) != exponent {
		t.Fatalf("%v: %v", s, err)
	}
	if s.Side == "DBIT" {
		v = -v
	}
	return v
}

// Of any movements and any window of versions, in currencies of any decimals, the lines of a file
// lead from its opening balance to its closing one.
func TestFilesAddUp(t *testing.T) {
	b := serve(t)
	account := 0
	rapid.Check(t, func(t *rapid.T) {
		account++
		id, exponent := fmt.Sprint("A-", account), 0
		currency := rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency")
		exponent = map[string]int{"EUR": 2, "JPY": 0, "KWD": 3}[currency]
		b.open(id, currency, exponent)
		balances := []int64{0, 0} // by version
		for _, amount := range rapid.SliceOfN(rapid.Int64Range(-900, 900), 0, 12).Draw(t, "amounts") {
			switch {
			case amount > 0:
				b.credit(id, event.MoneyCredited{Amount: amount, Kind: "deposit"})
			case amount < 0:
				b.withdraw(id, event.MoneyWithdrawn{Amount: -amount, Kind: "cash"}, 0)
			default:
				continue
			}
			balances = append(balances, balances[len(balances)-1]+amount)
		}
		from := rapid.IntRange(1, len(balances)-1).Draw(t, "from")
		to := rapid.IntRange(from, len(balances)-1).Draw(t, "to")
		window := fmt.Sprintf("&from_version=%d&to_version=%d", from, to)
		opening, closing := balances[from-1], balances[to]
		if sum, last := read(t, b.file(id, "csv"+window).Body); sum != closing-opening || sum != 0 && last != closing {
			t.Fatalf("CSV: %d and %d, want %d from %d", sum, last, closing, opening)
		}
		var m message
		if err := xml.Unmarshal(b.file(id, "camt053"+window).Body, &m); err != nil {
			t.Fatal(err)
		}
		at := m.Balances[0].minor(t, exponent)
		for _, e := range m.Entries {
			at += e.minor(t, exponent)
		}
		if m.Balances[0].Code != "OPBD" || m.Balances[1].Code != "CLBD" || m.Balances[0].minor(t, exponent) != opening || at != closing || m.Balances[1].minor(t, exponent) != closing {
			t.Fatalf("camt.053: %+v, want %d to %d", m, opening, closing)
		}
	})
}

// A file of which a part cannot be read breaks off: a reader that has its end has all of it.
func TestAFileIsWholeOrBreaksOff(t *testing.T) {
	b := serve(t)
	b.open("A-1", "EUR", 2)
	for range 2*readLines + 1 {
		b.credit("A-1", event.MoneyCredited{Amount: 1, Kind: "deposit"})
	}
	const path = "/v1/accounts/A-1/statement/file?format="
	whole := map[string]string{}
	for _, format := range formatNames {
		whole[format] = string(b.client.Get(path + format).Body)
	}
	if strings.Count(whole["csv"], "\n") != 2*readLines+2 {
		t.Fatalf("%d lines", strings.Count(whole["csv"], "\n"))
	}
	refused, broken := 0, 0
	for queries := range int64(40) {
		for _, format := range formatNames {
			b.table.left.Store(queries)
			r, err := http.Get(b.client.URL() + path + format)
			if err != nil {
				continue
			}
			body, err := io.ReadAll(r.Body)
			_ = r.Body.Close()
			switch {
			case r.StatusCode == http.StatusServiceUnavailable:
				refused++
			case err != nil && r.StatusCode == http.StatusOK:
				broken++
			case string(body) != whole[format]:
				t.Fatalf("%s after %d queries: %d, %d bytes of %d without an error", format, queries, r.StatusCode, len(body), len(whole[format]))
			}
		}
	}
	if refused == 0 || broken == 0 {
		t.Fatalf("%d refused, %d broke off: both should have happened", refused, broken)
	}
}

// What a file is of: instants or versions, and never a mixture.
func TestWindowsOfFiles(t *testing.T) {
	b := serve(t)
	b.sample("A-1")
	for query, want := range map[string]string{
		"pdf": "400 [/format not-one-of]", "": "400 [/format syntax]", "csv&cursor=AAAA": "400 [/cursor unknown-field]", "csv&limit=1": "400 [/limit unknown-field]",
		"csv&from_version=3&to_version=2":                           "400 [/to_version out-of-range]",
		"csv&from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z":     "400 [/to out-of-range]",
		"csv&from=2026-11-02T00:00:00Z&from_version=2":              "400 [/from_version not-together]",
		"csv&to=2026-11-02T00:00:00Z&to_version=2":                  "400 [/to_version not-together]",
		"csv&to_version=99":                                         "404 []",
		"csv&from_version=99":                                       "404 []",
		"csv&from=2026-11-01T00:00:00Z&to_version=5":                "200 []",
		"camt053&from=2030-01-01T00:00:00Z":                         "200 []",
		"camt053&to=1999-01-01T00:00:00Z":                           "200 []",
		"html&from_version=4&to=2026-10-31T23:59:59Z":               "200 []",
		"html&from=1999-01-01T00:00:00Z&to=1999-02-01T00:00:00Z":    "200 []",
		"camt053&from=1999-01-01T00:00:00Z&to=1999-02-01T00:00:00Z": "200 []",
	} {
		r := b.file("A-1", query)
		var errs []string
		if r.Status >= 400 {
			errs = r.Errors()
		}
		if got := fmt.Sprint(r.Status, errs); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if r := b.file("B-1", "csv"); r.Status != 404 {
		t.Errorf("no such account: %d", r.Status)
	}
	r := b.client.Do(http.MethodHead, "/v1/accounts/A-1/statement/file?format=csv&to_version=5", "")
	if r.Status != 200 || r.Header.Get("ETag") != `"5"` || len(r.Body) > 0 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("HEAD: %d %v", r.Status, r.Header)
	}
	if r := b.client.Do(http.MethodGet, "/v1/accounts/A-1/statement/file?format=csv&to_version=5", "", "If-None-Match", `"5"`); r.Status != 304 || len(r.Body) > 0 {
		t.Errorf("a file that the caller has: %d %s", r.Status, r.Body)
	}
	if r := b.client.Do(http.MethodGet, "/v1/accounts/A-1/statement/file?format=csv", "", "If-None-Match", `"5"`); r.Status != 200 {
		t.Errorf("another file: %d", r.Status)
	}
}

// An account whose id is an IBAN is identified by it; a longer id than the schema allows is the
// name, beside its digest.
func TestAccountsInCamt(t *testing.T) {
	for id, iban := range map[string]bool{
		"DE89370400440532013000": true, "GB29NWBK60161331926819": true, "NO9386011117947": true, "FR1420041010050500013M02606": true,
		"DE89370400440532013001": false, "A-1": false, "de89370400440532013000": false, "DE8937040044053201300-": false, "123456789012345": false,
		"DE89370400440532013000370400440532013000": false, "XX00000000000000000000000000000000": false,
	} {
		identification, name := camtAccountOf(id)
		if (identification.IBAN == id) != iban || iban == (identification.Other != nil) {
			t.Errorf("%s: %+v", id, identification)
		}
		if other := identification.Other; other != nil && (len(other.ID) > maxCamtAccount || (name == id) == (len(id) <= maxCamtAccount)) {
			t.Errorf("%s: %s, named %q", id, other.ID, name)
		}
	}
}

// No text of a file is a formula to a spreadsheet.
func TestCellsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": "'\t=1", "a=1": "a=1", "": ""} {
		if got := cell(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
