package watch

import (
	"fmt"
	"strings"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/shared/client"
	"passbook/shared/money"
)

// tree draws an event with what became of it. Times are since the commit.
func tree(one traced) string {
	j, e := one.Journey, one.Event
	head := fmt.Sprintf("%s  %s", j.EventID, j.Type)
	if e.Amount != 0 {
		head += "  " + money.Format(e.Amount, e.Currency)
	}
	head += fmt.Sprintf(", posted %s", money.Format(e.After.Posted, e.Currency))
	lines := []string{
		"request  " + request(j),
		"entry    " + entry(j),
	}
	if j.Entry.TraceID != "" { // a bank of an older release names none
		lines = append(lines, "trace    "+j.Entry.TraceID)
	}
	lines = append(lines, "record   "+record(j))
	for _, m := range j.Models {
		lines = append(lines, "fold     "+fold(j, m))
	}
	lines = append(lines, "segment  "+segment(j))
	var b strings.Builder
	b.WriteString(printable(head) + "\n")
	for i, line := range lines {
		branch := "├─ "
		if i == len(lines)-1 {
			branch = "└─ "
		}
		b.WriteString(branch + printable(line) + "\n")
	}
	return b.String()
}

// printable returns a text without what would move the cursor: callers of the bank chose parts of
// it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202d || r == 0x202e {
			return '\uFFFD'
		}
		return r
	}, text)
}

// request tells who asked for the event.
func request(j client.Journey) string {
	text := fmt.Sprintf("by %s, key %s, correlation %s, answered %d", j.Request.Actor, j.Request.IdempotencyKey, j.Request.CorrelationID, j.Request.Status)
	if j.Request.Last > j.Request.First {
		text += fmt.Sprintf(", versions %d to %d", j.Request.First, j.Request.Last)
	}
	if j.DecidedOn == 0 {
		return text
	}
	return text + fmt.Sprintf(", decided on version %d", j.DecidedOn)
}

// entry tells how the event was committed.
func entry(j client.Journey) string {
	versions := fmt.Sprintf("version %d", j.Entry.First)
	if j.Entry.Last > j.Entry.First {
		versions = fmt.Sprintf("versions %d to %d", j.Entry.First, j.Entry.Last)
	}
	signed := "signed"
	if !j.Entry.Signed {
		signed = "not signed"
	}
	return fmt.Sprintf("%s, %s, hash %s, %s", versions, j.Entry.RecordedAt.UTC().Format(time.RFC3339Nano), j.Entry.Hash, signed)
}

// record tells where the entry is on the stream.
func record(j client.Journey) string {
	if j.Stream == nil {
		return "not found: it is not published yet, or the stream has dropped it"
	}
	return fmt.Sprintf("%s, sequence %s, %s", j.Stream.Shard, j.Stream.Sequence, since(j, j.Stream.ArrivedAt))
}

// fold tells how far a read model is.
func fold(j client.Journey, m client.JourneyModel) string {
	switch {
	case !m.Folded && m.Version == 0:
		return fmt.Sprintf("%s: not yet, it has no row of the account", m.Name)
	case !m.Folded:
		return fmt.Sprintf("%s: not yet, its row is at version %d", m.Name, m.Version)
	case m.Version > j.Version:
		return fmt.Sprintf("%s: yes, its row is at version %d", m.Name, m.Version)
	}
	return fmt.Sprintf("%s: row at version %d, %s", m.Name, m.Version, since(j, m.ProjectedAt))
}

// segment tells where the event is in the archive.
func segment(j client.Journey) string {
	if j.Archive == nil {
		return "not archived yet"
	}
	return fmt.Sprintf("%s, row %d of %d", j.Archive.Object, j.Archive.Row, j.Archive.Rows)
}

// since returns how long after the commit something was.
func since(j client.Journey, at time.Time) string {
	if at.IsZero() {
		return "at an unknown time"
	}
	return "+" + at.Sub(j.Entry.RecordedAt).Round(100*time.Microsecond).String()
}

// journeyColumns are the columns of journeys.
var journeyColumns = []cli.Column[client.Journey]{
	{Name: "event", Value: func(j client.Journey) any { return j.EventID }},
	{Name: "type", Value: func(j client.Journey) any { return string(j.Type) }},
	{Name: "actor", Value: func(j client.Journey) any { return j.Request.Actor.String() }},
	{Name: "key", Value: func(j client.Journey) any { return j.Request.IdempotencyKey }},
	{Name: "correlation", Value: func(j client.Journey) any { return j.Request.CorrelationID }},
	{Name: "recorded_at", Value: func(j client.Journey) any { return j.Entry.RecordedAt }},
	{Name: "hash", Value: func(j client.Journey) any { return j.Entry.Hash }},
	{Name: "trace_id", Value: func(j client.Journey) any { return j.Entry.TraceID }},
	{Name: "arrived_at", Value: func(j client.Journey) any {
		if j.Stream == nil {
			return nil
		}
		return j.Stream.ArrivedAt
	}},
	{Name: "folded_by", Value: func(j client.Journey) any {
		var names []string
		for _, m := range j.Models {
			if m.Folded {
				names = append(names, m.Name)
			}
		}
		return strings.Join(names, " ")
	}},
	{Name: "segment", Value: func(j client.Journey) any {
		if j.Archive == nil {
			return nil
		}
		return j.Archive.Object
	}},
}
