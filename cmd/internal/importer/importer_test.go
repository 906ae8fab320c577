package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/cmd/internal/cli"
)

// Files are booked with the balances that they have.
func TestFilesAreBookedWithTheirBalances(t *testing.T) {
	b := serve(t)
	if r := b.run(t.Context(), Command{File: "testdata/june.csv"}, "", io.Discard); r.err != nil || strings.Count(r.out, ",booked,") != 9 {
		t.Fatalf("%v\n%s%s", r.err, r.out, r.notes)
	}
	if r := b.run(t.Context(), Command{File: "testdata/june.ndjson", Currency: "KWD"}, "", io.Discard); r.err != nil || strings.Count(r.out, ",booked,") != 3 {
		t.Fatalf("%v\n%s%s", r.err, r.out, r.notes)
	}
	if a, j, k := b.posted("A-1"), b.posted("B-1"), b.posted("K-1"); a != -35002 || j != 500 || k != 1000 {
		t.Errorf("balances %d, %d, %d", a, j, k)
	}
	if text := string(b.client.Get("/v1/accounts/A-1/statement").Body); !strings.Contains(text, `"reference":"-50 rent"`) || !strings.Contains(text, `"reference":"supermarket, Main Street"`) || !strings.Contains(text, `"reference":"opening balance"`) {
		t.Error(text)
	}
}

// Every line with a fault is named, with its field, and nothing is booked while there is one.
func TestEveryFaultIsNamed(t *testing.T) {
	b := serve(t)
	const header = "op,account,amount,currency,kind,reference,effective_at,balance,limit,id\n"
	lines := []struct{ text, want string }{
		{"open,A-1,,EUR,,,,,,", ""},
		{`,A-1,"1,000.00",EUR,,,,,,`, "amount"},
		{",A-1,25.001,EUR,,,,,,", "amount"},
		{",A-1,1e3,EUR,,,,,,", "amount"},
		{",A-1,0,EUR,,,,,,", "amount"},
		{",A-1,,EUR,,,,,,", "amount"},
		{"credit,A-1,-5.00,EUR,,,,,,", "amount"},
		{",,5.00,EUR,,,,,,", "account"},
		{",A 1,5.00,EUR,,,,,,", "account"},
		{",A-1,5.00,,,,,,,", ""}, // the file opens the account in EUR
		{",A-2,5.00,,,,,,,", "currency"},
		{",A-1,5.00,EURO,,,,,,", "currency"},
		{",A-1,5.00,USD,,,,,,", ""}, // in the rehearsal: currency-mismatch
		{"pay,A-1,5.00,EUR,,,,,,", "op"},
		{"open,A-3,5.00,EUR,,,,,,", "amount"},
		{"limit,A-1,,EUR,,,,,,", "limit"},
		{",A-1,5.00,EUR,salary,,,,,", "kind"},
		{",A-1,5.00,EUR,,,2031-01-01,,,", "effective_at"},
		{",A-1,5.00,EUR,,,,x,,", "balance"},
		{",A-1,5.00,EUR,,,,1.00,,", "balance"},
		{",A-9,5.00,EUR,,,,,,", ""},     // account-not-found
		{",A-1,-5000.00,EUR,,,,,,", ""}, // insufficient-funds
		{",A-1,5.00,EUR,,,,,,n1", ""},
		{",A-1,6.00,EUR,,,,,,n1", "id"},
	}
	want := []string{}
	text := header
	for i, l := range lines {
		text += l.text + "\n"
		if l.want != "" || i == 12 || i == 20 || i == 21 {
			want = append(want, fmt.Sprintf("%d,%s", i+2, l.want))
		}
	}
	r := b.imports(text)
	var got []string
	for _, l := range strings.Split(strings.TrimSpace(r.out), "\n")[1:] {
		cells := strings.SplitN(l, ",", 3)
		got = append(got, cells[0]+","+cells[1])
		if len(cells[2]) < 10 {
			t.Errorf("%q says too little", l)
		}
	}
	if r.err == nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v\n%v\nwant\n%v\n%s", r.err, got, want, r.out)
	}
	if b.client.Get("/v1/accounts/A-1").Status != 404 {
		t.Error("a line was booked")
	}
}

// What is no file of lines is refused before a bank is asked.
func TestFilesThatCannotBeRead(t *testing.T) {
	b := serve(t)
	b.url = "http://127.0.0.1:1"
	for text, want := range map[string]string{
		"":                               "empty",
		"account,betrag\n":               "no column \"betrag\"",
		"account,amount,account_id\n":    "two columns are account",
		"account,amount\nA-1,\"1.00\n":   "quote",
		"account,amount\n\"A-1\"x,1.00,": "quote",
	} {
		if r := b.imports(text); r.err == nil || !strings.Contains(r.err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, r.err, want)
		}
	}
	for name, c := range map[string]Command{
		"no name for standard input": {File: "-"}, "no such file": {File: "testdata/none.csv"}, "a separator of two signs": {File: "-", Name: "x", Separator: ";;"}, "a map without a column": {File: "-", Name: "x", Map: []string{"a=b"}},
	} {
		if r := b.run(t.Context(), c, "", io.Discard); r.err == nil {
			t.Error(name)
		}
	}
}

// file returns a file with an account and n credits of 1 cent, of which some say the same.
func file(n int) string {
	var text strings.Builder
	text.WriteString("op,account,amount,currency,reference\nopen,A-1,,EUR,\n")
	for i := range n {
		fmt.Fprintf(&text, ",A-1,0.01,EUR,line %d\n", i/2)
	}
	return text.String()
}

// breaking cancels a context once so many lines were written to it.
type breaking struct {
	left   int
	cancel func()
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.left -= strings.Count(string(p), "\n"); b.left < 0 {
		b.cancel()
	}
	return len(p), nil
}

// A file that is imported again books what it has not booked: after it was broken off anywhere,
// with lines added and moved, on the same day and when the bank has forgotten the keys.
func TestALineIsBookedOnce(t *testing.T) {
	const n = 60
	for _, broken := range []int{0, 1, 7, 30} {
		b := serve(t)
		ctx, cancel := context.WithCancel(t.Context())
		first := b.run(ctx, Command{File: "-", Name: "june", Format: "csv"}, file(n), &breaking{broken, cancel})
		cancel()
		if first.err == nil {
			t.Fatal("it was not broken off")
		}
		if r := b.imports(file(n)); r.err != nil || b.posted("A-1") != n || b.lines("A-1") != n {
			t.Fatalf("after a break at %d: %v, %d\n%s", broken, r.err, b.posted("A-1"), r.notes)
		}
		b.project("A-1")
		b.clock.Advance(72 * time.Hour)
		again := strings.Split(strings.TrimSuffix(file(n+2), "\n"), "\n")
		slices.Reverse(again[2:])
		if r := b.imports(strings.Join(again, "\n")); r.err != nil || b.posted("A-1") != n+2 || strings.Count(r.out, "booked-before") != n+1 {
			t.Fatalf("three days later: %v, %d\n%s", r.err, b.posted("A-1"), r.notes)
		}
		if r := b.run(t.Context(), Command{File: "-", Name: "july", Format: "csv"}, strings.Replace(file(1), "open,A-1,,EUR,\n", "", 1), io.Discard); r.err != nil || b.posted("A-1") != n+3 {
			t.Fatalf("another import: %v, %d", r.err, b.posted("A-1"))
		}
	}
}

// A line that the bank refuses although its rehearsal was right is named; the others are booked,
// and it is booked the next time.
func TestARefusedLineIsBookedTheNextTime(t *testing.T) {
	b := serve(t)
	if r := b.imports(file(500)); r.err != nil || b.posted("A-1") != 500 {
		t.Fatal(r.err)
	}
	b.booking = func() { b.client.Post("/v1/accounts/A-1/withdrawals", "k1", `{"amount":100,"currency":"EUR"}`) }
	const text = "account,amount,currency\nA-1,-5.00,EUR\nA-1,1.00,EUR\n"
	if r := b.imports(text); r.err == nil || !strings.Contains(r.out, `2,refused,A-1,withdraw,,,,,,"Insufficient funds`) || b.posted("A-1") != 500 {
		t.Fatalf("%v %s", r.err, r.out)
	}
	b.booking = func() {}
	for range 2 {
		if r := b.imports(text); r.err != nil || b.posted("A-1") != 0 {
			t.Fatalf("%v %s%s", r.err, r.out, r.notes)
		}
	}
	b.project("A-1")
	b.clock.Advance(72 * time.Hour)
	if r := b.imports(text); r.err != nil || b.posted("A-1") != 0 || strings.Count(r.out, "booked-before") != 2 {
		t.Fatalf("three days later: %v %s%s", r.err, r.out, r.notes)
	}
}

// A statement that the bank wrote as CSV can be imported into another account.
func TestAStatementIsImported(t *testing.T) {
	b := serve(t)
	const text = "op,account,amount,currency,kind,reference\nopen,A-1,,EUR,,\n,A-1,10.00,EUR,interest,'=1+1\n,A-1,-2.50,EUR,fee,\"a \"\"b\"\", c\"\n,A-1,-2.50,EUR,fee,\n"
	if r := b.imports(text); r.err != nil {
		t.Fatal(r.err)
	}
	if r := b.run(t.Context(), Command{File: "-", Name: "open", Format: "csv"}, "op,account,currency\nopen,B-1,EUR\n", io.Discard); r.err != nil {
		t.Fatal(r.err)
	}
	const path = "/statement/file?format=csv"
	exported := string(b.client.Get("/v1/accounts/A-1" + path).Body)
	if r := b.run(t.Context(), Command{File: "-", Name: "copy", Format: "csv", Account: "B-1"}, exported, io.Discard); r.err != nil {
		t.Fatalf("%v %s", r.err, r.out)
	}
	text2 := string(b.client.Get("/v1/accounts/B-1" + path).Body)
	if cut(exported) != cut(text2) {
		t.Errorf("%s\n%s", exported, text2)
	}
}

// cut returns a statement without what names its events.
func cut(statement string) string {
	var out strings.Builder
	for line := range strings.Lines(statement) {
		cells := strings.SplitN(line, ",", 6)
		out.WriteString(cells[0] + cells[5])
	}
	return strings.NewReplacer("A-1", "", "B-1", "").Replace(out.String())
}

// Whatever a line says, it has a command or a fault. The keys of a file are those of its lines in
// any order, each once.
func TestKeysFollowFromWhatLinesSay(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "A-1", "A-2", "1.00", "-1.00", "EUR", "open", "credit", "limit", "x", "=1", "2026-11-30"})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.MapOfN(rapid.SampledFrom(columnNames), text, 0, 6), 0, 20).Draw(t, "rows")
		keys := func(rows []map[string]string) map[string]int {
			p := (&Command{Account: "A-9", Currency: "EUR"}).newParser("n")
			found := map[string]int{}
			for i, cells := range rows {
				cells = maps.Clone(cells)
				maps.DeleteFunc(cells, func(_, v string) bool { return v == "" })
				r, faults := p.parse(row{line: i + 2, cells: cells})
				switch {
				case len(faults) == 0 && !strings.HasPrefix(r.command.Key, keyPrefix):
					t.Fatalf("%v has neither a command nor a fault", cells)
				case len(faults) == 0:
					found[r.command.Key]++
				}
			}
			return found
		}
		// Lines that open accounts give later lines a currency, and equal ids are faults: both need
		// the order.
		rows = slices.DeleteFunc(rows, func(cells map[string]string) bool { return cells["op"] == "open" || cells["id"] != "" })
		straight := keys(rows)
		slices.Reverse(rows)
		if turned := keys(rows); !maps.Equal(straight, turned) {
			t.Fatalf("%v and, in the other order, %v", straight, turned)
		}
		for key, n := range straight {
			if n != 1 {
				t.Fatalf("%s is the key of %d lines", key, n)
			}
		}
	})
}

// A file of many lines of many accounts is rehearsed in parts that have all lines of their
// accounts.
func TestRehearsalsHaveWholeAccounts(t *testing.T) {
	var text strings.Builder
	text.WriteString("account,amount,currency\n")
	for i := range 3*rehearsedAtOnce + 5 {
		fmt.Fprintf(&text, "A-%d,1.00,EUR\n", i%7)
	}
	path := t.TempDir() + "/many.csv"
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	i := &Import{command: &Command{}, name: "n", source: &source{file: file, comma: ','}}
	p, err := i.survey(t.Context())
	if err != nil || p.lines != 3*rehearsedAtOnce+5 || p.count != 4 || len(p.batches) != 7 {
		t.Fatalf("%v %+v", err, p)
	}
	filled := map[int]int{}
	for r, err := range i.records(t.Context(), func(record, []Fault) {}) {
		if err != nil {
			t.Fatal(err)
		}
		filled[p.batches[r.account]]++
	}
	for batch, lines := range filled {
		if lines > rehearsedAtOnce {
			t.Errorf("part %d has %d lines", batch, lines)
		}
	}
}

// A line that cannot be read is a fault like others: those after it are named too, and nothing is
// booked.
func TestLinesThatCannotBeRead(t *testing.T) {
	b := serve(t)
	r := b.imports("account,amount,currency,reference\nA-1,x,EUR,\nA-1,1.00\nA-1,1.00,EUR,a,b\nA-1,1.00,EUR,M\xfcller\nA-1,y,EUR,\n")
	for _, want := range []string{"2,amount,", "3,,\"it has 2 cells, the header 4\"", "4,,\"it has 5 cells, the header 4\"", "5,reference,it is not UTF-8", "6,amount,"} {
		if r.err == nil || !strings.Contains(r.out, want) {
			t.Errorf("%v, without %s:\n%s", r.err, want, r.out)
		}
	}
	lines := map[string]string{
		`{"account":"A-1","amount":25.10}`: "amount is not a text", `[1]`: "not a JSON object", `{"accounts":"A-1"}`: "no column", `{`: "not a JSON object",
		`{"account":"A-1"} {}`: "there is more after it", `{"account":"A-1","account_id":"A-2","amount":"1.00"}`: "two members are account",
		`{"account":"A-1","amount":"1.00","amount":"5.00"}`: "two members are amount", "{\"account\":\"A-1\",\"reference\":\"M\xfcller\"}": "not UTF-8",
	}
	for text, want := range lines {
		r := b.run(t.Context(), Command{File: "-", Name: "june", Format: "ndjson"}, text+"\n{\n", io.Discard)
		if r.err == nil || !strings.Contains(r.out, want) || !strings.Contains(r.out, "\n2,") {
			t.Errorf("%q: %v, want %s\n%s", text, r.err, want, r.out)
		}
	}
}

// A file in which the same is written in another way, as spreadsheets do, is the same file.
func TestWhatIsWrittenInAnotherWayIsBookedOnce(t *testing.T) {
	b := serve(t)
	for _, text := range []string{
		"op,account,amount,currency,limit\nopen,A-1,,EUR,5.00\n,A-1,25.00,EUR,\n,A-1,-2.50,EUR,\nopening,A-1,1.00,EUR,\n",
		"op,account,amount,currency,limit\nopen,A-1,,EUR,5\ncredit,A-1,25,EUR,\nwithdraw,A-1,2.5,EUR,\nopening,A-1,1.0,EUR,\n",
		"op,account,amount_minor,currency,limit_minor\nopen,A-1,,EUR,500\n,A-1,2500,EUR,\n,A-1,-250,EUR,\nopening,A-1,100,EUR,\n",
	} {
		if r := b.imports(text); r.err != nil {
			t.Fatalf("%v\n%s%s", r.err, r.out, r.notes)
		}
		if posted := b.posted("A-1"); posted != 2350 {
			t.Errorf("after\n%sthe balance is %d", text, posted)
		}
	}
	if r := b.imports("op,account,amount,currency\nopening,A-1,-1.00,EUR\n"); r.err != nil || b.posted("A-1") != 2250 {
		t.Errorf("an opening balance of the other sign: %v, %d", r.err, b.posted("A-1"))
	}
}

// A quote that is not closed is reported before the rest of the file is in memory.
func TestAQuoteThatIsNotClosed(t *testing.T) {
	b := serve(t)
	if r := b.imports("account,amount,currency,reference\nA-1,1.00,EUR,\"x\n" + strings.Repeat("A-1,1.00,EUR,y\n", 200_000)); r.err == nil || !strings.Contains(r.err.Error(), "not closed") {
		t.Error(r.err)
	}
}

// A bank that stops in the middle is no fault of a line: the import says that it is to be repeated.
func TestABankThatCannotDecideNow(t *testing.T) {
	b := serve(t)
	b.spoil = true
	r := b.imports(file(3))
	var made *cli.Failure
	if !errors.As(r.err, &made) || made.Code != cli.ExitBehind || !strings.Contains(r.out, "unknown") || strings.Contains(r.out, "refused") {
		t.Fatalf("%v\n%s%s", r.err, r.out, r.notes)
	}
	b.spoil = false
	if r := b.imports(file(3)); r.err != nil || b.posted("A-1") != 3 {
		t.Fatalf("%v %s", r.err, r.out)
	}
	if r := b.imports(file(3)); r.err != nil || !strings.Contains(r.notes, "all lines were booked before") {
		t.Errorf("%v %s", r.err, r.notes)
	}
}
