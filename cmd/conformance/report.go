package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// errBroken means that a contract is broken somewhere, or was not tested everywhere; report has
// printed where.
var errBroken = errors.New("a contract is broken or was not tested; see above")

// report prints the table, what failed and what was not tested.
func report(out io.Writer, t *transcript) error {
	all, rows := legs(t)
	for _, port := range ports {
		var columns []*leg
		for _, l := range all {
			if l.port == port {
				columns = append(columns, l)
			}
		}
		if err := printBlock(out, port, columns, rows[port]); err != nil {
			return err
		}
	}
	broken := printFailures(out, t)
	for _, line := range untested(t, all) {
		broken = true
		fmt.Fprintln(out, "not tested:", line)
	}
	if t.fault != "" && !broken {
		broken = true
		fmt.Fprintln(out, t.fault)
	}
	if broken {
		return errBroken
	}
	return nil
}

// printBlock prints the table of one port.
func printBlock(out io.Writer, port string, columns []*leg, rows []string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, port)
	for _, l := range columns {
		fmt.Fprint(w, "\t", l.name())
	}
	for _, row := range rows {
		fmt.Fprint(w, "\n  ", row)
		for _, l := range columns {
			fmt.Fprint(w, "\t", cmp.Or(l.cells[row], cellMissing))
		}
	}
	fmt.Fprint(w, "\n\n")
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

// printFailures prints the output of failed tests, those of the adapters beside the contract too,
// and of the compiler. It reports whether there was any.
func printFailures(out io.Writer, t *transcript) (broken bool) {
	for _, one := range t.tests {
		inside := func(other *test) bool { return other.parent == one && other.outcome == fail }
		if one.outcome == fail && !slices.ContainsFunc(t.tests, inside) {
			broken = true
			fmt.Fprintf(out, "FAIL %s %s\n%s\n", inTree(one.pkg), one.name, indent(one.output.String()))
		}
	}
	for _, build := range sorted(t.builds) {
		broken = true
		fmt.Fprintf(out, "FAIL %s does not build\n%s\n", build, indent(t.builds[build].String()))
	}
	return broken
}

// untested returns which legs did not run, or not to the end, and why.
func untested(t *transcript, all []*leg) (lines []string) {
	for _, want := range required {
		if t.byName[want] != nil {
			continue
		}
		why := t.packages[want[0]]
		switch why {
		case "":
			why = "there is no such package"
		case pass, skip:
			why = "the package has no such test"
		}
		lines = append(lines, inTree(want[0])+" "+want[1]+": "+why)
	}
	for _, l := range all {
		leg := inTree(l.test.pkg) + " " + l.test.name
		switch {
		case l.test.outcome == skip:
			lines = append(lines, leg+": "+reason(l.test))
		case l.test.outcome == "":
			lines = append(lines, leg+": it did not end\n"+indent(t.unended(l.test)))
		case len(l.clauses) == 0 && l.test.outcome == pass:
			lines = append(lines, leg+": it has no subtests")
		}
		for _, row := range sorted(l.cells) {
			if c := l.cells[row]; c == cellMissing || c == cellSkip {
				lines = append(lines, leg+": "+row)
			}
		}
	}
	return lines
}

// unended returns the output of a test and those of its subtests that did not end.
func (t *transcript) unended(suite *test) string {
	said := suite.output.String()
	for _, one := range t.tests {
		if one.parent == suite && one.outcome == "" {
			said += one.output.String()
		}
	}
	return said
}

// reason returns why a test was skipped: the last line that it printed itself.
func reason(one *test) string {
	why := "skipped"
	for line := range strings.Lines(one.output.String()) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "===") {
			why = line
		}
	}
	return why
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// indent indents a text.
func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
