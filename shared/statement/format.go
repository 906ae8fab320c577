package statement

import (
	"io"
	"strings"
	"time"

	"passbook/shared/event"
	"passbook/shared/money"
)

// heading is what a file has besides its lines.
type heading struct {
	Account          event.Account
	Currency         string
	Opening, Closing Posted
	// From and To are the period: what was asked for, else the first event and the newest.
	From, To time.Time
	// Made is when the newest event of the period was recorded. Files have it in place of the time
	// of their reading, so that each has the same bytes at every reading.
	Made time.Time
}

// writer writes a file: its beginning, each line, its end.
type writer interface {
	begin(h heading) error
	line(l Line) error
	end() error
}

// format is a form of a file.
type format struct {
	media, extension, disposition string
	header                        map[string]string
	open                          func(w io.Writer) writer
}

// formats are the forms of files by the values of the parameter format, which formatNames lists.
var (
	formats = map[string]format{
		"csv":     {media: "text/csv; charset=utf-8", extension: "csv", disposition: "attachment", open: newCSV},
		"camt053": {media: "application/xml; charset=utf-8", extension: "xml", disposition: "attachment", open: newCamt},
		"html":    {media: "text/html; charset=utf-8", extension: "html", disposition: "inline", open: newHTML, header: map[string]string{"Content-Security-Policy": htmlPolicy()}},
	}
	formatNames = []string{"csv", "camt053", "html"}
)

// plain returns a text, or that it is sealed under a key.
func plain(t event.Text) string {
	if t.Sealed != "" {
		return "(sealed)"
	}
	return t.Plain
}

// decimal returns an amount with the decimals of its currency, as machines read it: -25.00.
func decimal(amount int64, currency string) string {
	text, _, _ := strings.Cut(money.Format(amount, currency), " ")
	return text
}
