package main

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// ports are the blocks of the table, in this order.
var ports = []string{"table", "stream", "bucket", "keywrap"}

// contract matches the tests that run a port's suite on an adapter. If the package does not name
// the port, the test does.
var contract = regexp.MustCompile(`^Test(Table|Stream|Bucket)?Contract`)

// required are the tests without which a port was not tested: on its embedded adapter and on AWS's.
var required = [][2]string{
	{"passbook/shared/table/pebbletable", "TestContract"},
	{"passbook/shared/table/dynamotable", "TestContractOnAWS"},
	{"passbook/shared/stream/pebblestream", "TestContract"},
	{"passbook/shared/stream/kinesisstream", "TestContractOnAWS"},
	{"passbook/shared/bucket/dirbucket", "TestContract"},
	{"passbook/shared/bucket/s3bucket", "TestContractOnAWS"},
	{"passbook/shared/keywrap/filewrap", "TestContract"},
	{"passbook/shared/keywrap/kmswrap", "TestContractOnAWS"},
}

// The cells of the table.
const (
	cellOK      = "ok"
	cellFail    = "FAIL"
	cellSkip    = "skip"
	cellLeftOut = "-" // the adapter's harness cannot show it
	cellMissing = "?" // it should have run, and did not
)

// leg is one run of a suite on one adapter: a column of the table.
type leg struct {
	port string
	// test is the test whose subtests are the clauses, which are in order.
	test    *test
	clauses []string
	cells   map[string]string
}

// leftOut matches what a suite prints of a clause that a harness cannot show.
var leftOut = regexp.MustCompile(`(?m)left out: (\S+)$`)

// legs returns the legs of a transcript, those of one port beside each other, and the rows of each
// port in the order of the suite.
func legs(t *transcript) (all []*leg, rows map[string][]string) {
	byTest := map[*test]*leg{}
	for _, one := range t.tests {
		if top, _, _ := strings.Cut(one.name, "/"); !contract.MatchString(top) {
			continue
		}
		if one.parent == nil || t.runsOthers(one) {
			byTest[one] = &leg{port: portOf(one), test: one, cells: map[string]string{}}
			all = append(all, byTest[one])
			continue
		}
		l := byTest[one.parent]
		l.clauses = append(l.clauses, one.clause())
		l.cells[one.clause()] = cell(one)
	}
	// A test that only runs suites is no leg itself.
	all = slices.DeleteFunc(all, func(l *leg) bool { return len(l.clauses) == 0 && t.runsOthers(l.test) })
	slices.SortStableFunc(all, func(a, b *leg) int {
		return cmp.Or(cmp.Compare(slices.Index(ports, a.port), slices.Index(ports, b.port)), cmp.Compare(a.rank(), b.rank()))
	})
	rows = map[string][]string{}
	for _, l := range all {
		rows[l.port] = l.addRows(rows[l.port])
	}
	for _, l := range all {
		l.fill(rows[l.port])
	}
	return all, rows
}

// runsOthers reports whether a test runs others inside.
func (t *transcript) runsOthers(outer *test) bool {
	return slices.ContainsFunc(t.tests, func(one *test) bool { return one.parent == outer })
}

// clause returns the name under which a test's parent runs it.
func (one *test) clause() string { return strings.TrimPrefix(one.name, one.parent.name+"/") }

// portOf returns the port that a suite is about.
func portOf(suite *test) string {
	top, _, _ := strings.Cut(suite.name, "/")
	if m := contract.FindStringSubmatch(top); m[1] != "" {
		return strings.ToLower(m[1])
	}
	return path.Base(path.Dir(suite.pkg))
}

// rank returns the place of a leg among its port's: the required ones come first, in their order.
func (l *leg) rank() int {
	if i := slices.Index(required, [2]string{l.test.pkg, l.test.name}); i >= 0 {
		return i
	}
	return len(required)
}

// cell returns the outcome of a clause's test.
func cell(one *test) string {
	switch one.outcome {
	case pass:
		return cellOK
	case fail:
		return cellFail
	case skip:
		return cellSkip
	}
	return cellMissing
}

// addRows returns the rows with the clauses of a leg added that were missing, each behind the one
// that it follows in the leg.
func (l *leg) addRows(rows []string) []string {
	at := 0
	for _, clause := range l.clauses {
		if i := slices.Index(rows, clause); i >= 0 {
			at = i + 1
			continue
		}
		rows = slices.Insert(rows, at, clause)
		at++
	}
	return rows
}

// fill sets the cells of the clauses that have no test in this leg: left out with a word, or
// missing.
func (l *leg) fill(rows []string) {
	said := map[string]bool{}
	for _, m := range leftOut.FindAllStringSubmatch(l.test.output.String(), -1) {
		said[m[1]] = true
	}
	for _, row := range rows {
		if l.cells[row] != "" || len(l.clauses) == 0 {
			continue
		}
		l.cells[row] = cellMissing
		if said[row] {
			l.cells[row] = cellLeftOut
		}
	}
}

// name returns the column's head: the adapter, and what is special about the leg.
func (l *leg) name() string {
	top, part, _ := strings.Cut(l.test.name, "/")
	special := strings.TrimSuffix(contract.ReplaceAllString(top, ""), "OnAWS")
	special = regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(special, "$1 $2")
	words := strings.Fields(path.Base(l.test.pkg) + " " + strings.ToLower(special) + " " + strings.ReplaceAll(part, "_", " "))
	return strings.Join(words, " ")
}
