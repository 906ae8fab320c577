package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"passbook/shared/client"
)

// tell writes a line of the story.
func (d *day) tell(at time.Duration, format string, args ...any) {
	fmt.Fprintf(d.Out, "%s  %s\n", clock(at), fmt.Sprintf(format, args...))
}

// tellPart writes a line that is one of many, or counts it for the end of the hour if there are too
// many.
func (d *day) tellPart(at time.Duration, part, format string, args ...any) {
	if d.Accounts > tellAll {
		d.counts[part]++
		return
	}
	d.tell(at, format, args...)
}

// tellDecline writes a line about a payment that the bank declined.
func (d *day) tellDecline(at time.Duration, a *account, what string, sum int64, declined *client.Problem) {
	if declined.Code == client.CodeAccountFrozen {
		d.tellPart(at, "declined payments", "%s is declined %s (%s): the account is frozen", a.name, amount(sum), what)
		return
	}
	d.tellPart(at, "declined payments", "%s is declined %s (%s): %s short", a.name, amount(sum), what, amount(declined.Shortfall))
}

// tellHours writes the counted lines as one, if an hour ends between two times.
func (d *day) tellHours(from, to time.Duration) {
	if from/time.Hour == to/time.Hour || len(d.counts) == 0 {
		return
	}
	var parts []string
	for _, part := range slices.Sorted(maps.Keys(d.counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", d.counts[part], part))
	}
	clear(d.counts)
	d.tell(from.Truncate(time.Hour)+time.Hour, "in the last hour: %s", strings.Join(parts, ", "))
}

// tellSummary writes the last line of the story.
func (d *day) tellSummary(took time.Duration) {
	d.tell(closing, "the bank closes: %d commands on %d accounts in %.1f s", d.commands, len(d.customers)+2, took.Seconds())
}

// clock formats a time of day.
func clock(at time.Duration) string {
	return fmt.Sprintf("%02d:%02d", at/time.Hour, at%time.Hour/time.Minute)
}

// amount formats cents as euros with separated thousands.
func amount(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	whole := fmt.Sprint(cents / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("%s%s.%02d", sign, whole, cents%100)
}
