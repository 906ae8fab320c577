package endofday

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"passbook/shared/money"
)

// WriteText writes what a person reads of the manifest: the day, its counts and the trial balances.
func (m Manifest) WriteText(w io.Writer) {
	fmt.Fprintf(w, "day       %s to %s, %s at %s\n", m.From.Format(time.RFC3339), m.To.Format(time.RFC3339), m.Zone, m.Cutoff)
	fmt.Fprintf(w, "entries   %d of the day with %d events, %d late", m.Entries, m.Events, m.LateEntries)
	if m.Earlier > 0 {
		fmt.Fprintf(w, ", %d before the first day", m.Earlier)
	}
	fmt.Fprintf(w, "\naccounts  %d\n", m.Accounts)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "opening\tmovement\tlate\tclosing\tdebits\tcredits\tdebit balances\tcredit balances\t")
	for _, t := range m.Trial {
		for _, v := range []int64{t.Opening, t.Movement, t.Late, t.Closing, t.Debits, t.Credits, t.DebitBalances, t.CreditBalances} {
			fmt.Fprintf(table, "%s\t", money.Format(v, t.Currency))
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // w reports its own errors
}
