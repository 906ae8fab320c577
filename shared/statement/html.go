package statement

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"passbook/shared/event"
	"passbook/shared/money"
)

// The page of a statement: its beginning, a month, a line and its end are templates of one file,
// and its style stands in it, so that it can be kept and printed without the bank.
var (
	//go:embed statement.html
	htmlText string
	//go:embed statement.css
	htmlStyle string

	htmlTemplates = template.Must(template.New("").Funcs(template.FuncMap{"amount": money.Grouped}).Parse(htmlText))
)

// htmlPolicy lets the page have its own style, and nothing else.
func htmlPolicy() string {
	sum := sha256.Sum256([]byte(htmlStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// htmlFile writes a page that prints well.
type htmlFile struct {
	w io.Writer
	htmlData
}

// htmlData is what the templates show.
type htmlData struct {
	heading
	Style template.CSS
	// Period is what the statement covers, Month that of the line.
	Period, Month string
	Line          Line
	// In and Out are the sums of what came in and went out, over Lines lines.
	In, Out, Lines int64
}

func newHTML(w io.Writer) writer {
	return &htmlFile{w: w, htmlData: htmlData{Style: template.CSS(htmlStyle)}} //nolint:gosec // our own
}

func (f *htmlFile) begin(h heading) error {
	f.heading, f.Period = h, periodText(h)
	return f.show("begin")
}

func (f *htmlFile) line(l Line) error {
	f.Line = l
	f.Lines++
	f.In += max(0, l.Amount)
	f.Out += max(0, -l.Amount)
	if month := l.RecordedAt.UTC().Format("January 2006"); month != f.Month {
		f.Month = month
		if err := f.show("month"); err != nil {
			return err
		}
	}
	return f.show("line")
}

func (f *htmlFile) end() error { return f.show("end") }

func (f *htmlFile) show(name string) error {
	if err := htmlTemplates.ExecuteTemplate(f.w, name, &f.htmlData); err != nil {
		return fmt.Errorf("write %s of the statement: %w", name, err)
	}
	return nil
}

// Booked returns the day on which the line was recorded.
func (f *htmlData) Booked() string { return f.Line.RecordedAt.UTC().Format(time.DateOnly) }

// ValueDate returns the day of the line's value, where it is another one.
func (f *htmlData) ValueDate() string {
	if day := f.Line.EffectiveAt.Format(time.DateOnly); day != f.Booked() {
		return day
	}
	return ""
}

// What returns the line in a few words.
func (f *htmlData) What() string { return lineText(f.Line) }

// Came and Went return what came in and what went out by the line.
func (f *htmlData) Came() int64 { return max(0, f.Line.Amount) }

// Went returns what went out by the line.
func (f *htmlData) Went() int64 { return max(0, -f.Line.Amount) }

// MadeAt returns when the newest event of the period was recorded.
func (f *htmlData) MadeAt() string { return f.Made.UTC().Format("2006-01-02 15:04:05 UTC") }

// periodText returns a period for people: whole days where it begins and ends at midnight.
func periodText(h heading) string {
	from, to := h.From.UTC(), h.To.UTC()
	if isMidnight(from) && isMidnight(to) && from.Before(to) {
		return from.Format(time.DateOnly) + " to " + to.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	const instant = "2006-01-02 15:04:05"
	return from.Format(instant) + " to " + to.Format(instant) + " UTC"
}

func isMidnight(t time.Time) bool { return t.Equal(t.Truncate(24 * time.Hour)) }

// kindTexts name the kinds of movements for people.
var kindTexts = map[string]string{
	"deposit": "Deposit", "repayment": "Repayment", "transfer_in": "Transfer", "interest": "Interest", "adjustment": "Adjustment",
	"cash": "Cash", "transfer_out": "Transfer", "card": "Card", "fee": "Fee",
}

// lineText returns a line in a few words, as a bank book has it.
func lineText(l Line) string {
	text := kindTexts[l.Kind]
	switch {
	case l.Type == event.TransactionReversed{}.Type():
		text = "Reversal of " + l.OriginalTransactionID
	case text == "":
		text = l.Kind
	}
	other, _, isEvent := strings.Cut(plain(l.Contra), ":")
	switch {
	case other == "":
	case isEvent && l.Kind == "transfer_in":
		text += " from " + other
	case isEvent && l.Kind == "transfer_out":
		text += " to " + other
	default:
		text += " · " + plain(l.Contra)
	}
	if reference := plain(l.Reference); reference != "" {
		text += " · " + reference
	}
	if l.HoldID != "" {
		text += " · from hold " + l.HoldID
	}
	return text
}
