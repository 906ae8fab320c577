package segment

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"

	"passbook/shared/event"
)

// The column entry of format 2 has what no other column holds, on an entry's first row:
//   - null: the entry has the format impliedFormat, its prev is the hash of the account's entry
//     before it in the segment, and its commands follow from the columns;
//   - {"format":2,"prev":"..."}: only the commands follow from the columns;
//   - the entry's header, as in format 1: they do not.
const impliedFormat = 2

// appendRest appends the column entry of an entry, in a segment of a format. Its prev is left out
// where it is known to be prev.
func appendRest(dst []byte, format int, e *event.Entry, prev event.Hash, known bool) []byte {
	switch {
	case format < 2 || !impliesCommands(e):
		return event.AppendHeader(dst, e)
	case known && prev == e.Prev && e.Format == impliedFormat:
		return dst
	}
	return appendShortRest(dst, e.Format, e.Prev)
}

func appendShortRest(dst []byte, format int, prev event.Hash) []byte {
	dst = strconv.AppendInt(append(dst, formatField...), int64(format), 10)
	dst = append(append(dst, ','), prevField...)
	dst = base64.RawURLEncoding.AppendEncode(dst, prev[:])
	return append(dst, `"}`...)
}

// isShortRest reports whether a column entry is what appendShortRest writes.
func isShortRest(rest []byte) bool {
	_, after, _ := bytes.Cut(rest, []byte{','})
	return bytes.HasPrefix(after, prevField)
}

// formatAndPrev reads the format and prev of an entry from its column, in any of its forms.
func formatAndPrev(rest []byte) (format int, prev event.Hash, err error) {
	format, err = formatOf(rest)
	if err != nil {
		return 0, prev, err
	}
	at := bytes.Index(rest, prevField)
	if at < 0 || len(rest) < at+len(prevField)+sumLength {
		return 0, prev, errors.New("no prev in the header")
	}
	prev, err = event.ParseHash(string(rest[at+len(prevField):][:sumLength]))
	if err != nil {
		return 0, prev, errors.New("a bad prev in the header")
	}
	return format, prev, nil
}

// formatOf reads the format, with which every header begins.
func formatOf(header []byte) (int, error) {
	rest, ok := bytes.CutPrefix(header, formatField)
	end := bytes.IndexByte(rest, ',')
	if !ok || end < 0 {
		return 0, errors.New("no format in the header")
	}
	format, err := strconv.Atoi(string(rest[:end]))
	if err != nil || format < 1 {
		return 0, errors.New("a bad format in the header")
	}
	if format > event.Format {
		return 0, &event.FormatError{Format: format}
	}
	return format, nil
}

var (
	formatField = []byte(`{"format":`)
	prevField   = []byte(`"prev":"`)
)

// impliesCommands reports whether addCommand makes an entry's commands of its rows.
func impliesCommands(e *event.Entry) bool {
	for i, c := range e.Commands {
		last := e.Events[c.Last-e.First]
		if c.Status != statusOf(last.Body) || textOf(textColumn(c.Actor)) != c.Actor {
			return false
		}
		if i > 0 && sameCommand(c, e.Commands[i-1]) {
			return false
		}
	}
	return true
}

// addCommand extends an entry's commands by the event of its next row: it is the last command's if
// the columns are the same.
func addCommand(e *event.Entry, r *Row, body event.Body) {
	c := event.Command{Key: r.CommandKey, Request: r.Request, CorrelationID: r.CorrelationID, Actor: textOf(r.Actor), First: r.Version}
	last := len(e.Commands) - 1
	if last < 0 || !sameCommand(c, e.Commands[last]) {
		e.Commands = append(e.Commands, c)
		last++
	}
	e.Commands[last].Last, e.Commands[last].Status = r.Version, statusOf(body)
}

// sameCommand reports whether two commands cannot be told apart by their columns.
func sameCommand(a, b event.Command) bool {
	return a.Key == b.Key && a.Request == b.Request && a.CorrelationID == b.CorrelationID && a.Actor == b.Actor
}

// statusOf returns the status that a command usually has whose last event this is.
func statusOf(last event.Body) int {
	switch b := last.(type) {
	case event.WithdrawalDeclined:
		return http.StatusUnprocessableEntity
	case event.CreditLimitChanged:
		if b.ExpiredVersion == 0 {
			return http.StatusOK
		}
	}
	return http.StatusCreated
}

// heads are the newest entries of the accounts in a segment so far. They start over every
// rowsPerRowGroup rows, which bounds them.
type heads struct {
	began  int64
	places map[string]int
	heads  []head
	name   []byte
}

// head is an account's newest entry: its last version and its hash.
type head struct {
	last int64
	hash event.Hash
}

// next returns the hash of the entry before the one that begins at a version of an account, if it
// is known: zero before version 1. rows are those before it in the segment. It MUST be called for
// each entry, and add only for those whose accounts are asked for.
func (h *heads) next(rows int64, tenant, account string, first int64) (prev event.Hash, known bool) {
	if h.places == nil || rows-h.began >= rowsPerRowGroup {
		h.began, h.places, h.heads = rows, make(map[string]int), h.heads[:0]
	}
	if first == 1 {
		return event.Hash{}, true
	}
	if i, ok := h.places[string(h.key(tenant, account))]; ok && h.heads[i].last == first-1 {
		return h.heads[i].hash, true
	}
	return event.Hash{}, false
}

// add makes an entry the newest of its account. It keeps neither string.
func (h *heads) add(tenant, account string, last int64, hash event.Hash) {
	i, ok := h.places[string(h.key(tenant, account))]
	if !ok {
		i = len(h.heads)
		h.heads = append(h.heads, head{})
		h.places[string(h.name)] = i
	}
	h.heads[i] = head{last, hash}
}

func (h *heads) key(tenant, account string) []byte {
	h.name = append(append(append(h.name[:0], tenant...), '#'), account...)
	return h.name
}
