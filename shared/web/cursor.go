package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"passbook/shared/account"
)

// A cursor says where the next page starts. It is opaque to callers, and bound to its query, so
// that it is not used with another account or another filter by mistake. It is neither secret nor a
// permission.

// cursorSum is the length of the checksum at a cursor's start, in bytes.
const cursorSum = 6

// maxCursor bounds the text of a cursor.
const maxCursor = 1024

var cursorText = base64.RawURLEncoding.Strict()

// EncodeCursor returns the cursor of a position within a query.
func EncodeCursor(query, position string) string {
	return cursorText.EncodeToString(append(cursorChecksum(query, position), position...))
}

// DecodeCursor returns the position of a cursor that EncodeCursor made for the same query.
func DecodeCursor(query, cursor string) (position string, ok bool) {
	if len(cursor) > maxCursor {
		return "", false
	}
	raw, err := cursorText.DecodeString(cursor)
	// The decoder ignores line breaks; a cursor has none.
	if err != nil || len(raw) < cursorSum || strings.ContainsAny(cursor, "\r\n") {
		return "", false
	}
	position = string(raw[cursorSum:])
	return position, bytes.Equal(raw[:cursorSum], cursorChecksum(query, position))
}

func cursorChecksum(query, position string) []byte {
	sum := sha256.Sum256([]byte(query + "\n" + position))
	return sum[:cursorSum]
}

// Cursor takes the parameter cursor and returns its position within the query; empty when there is
// none.
func (q *Query) Cursor(query string) string {
	text, ok := q.take("cursor")
	if !ok {
		return ""
	}
	position, ok := DecodeCursor(query, text)
	if !ok {
		q.FailForm("cursor", account.FieldSyntax, formCursor)
	}
	return position
}

// Numbers writes a position that is a list of whole numbers, 0 or more.
func Numbers(numbers ...int64) string {
	var text []byte
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, n, 10)
	}
	return string(text)
}

// CursorNumbers reads the position of the parameter cursor, which Numbers wrote, into numbers. It
// reports whether there is one.
func (q *Query) CursorNumbers(query string, numbers ...*int64) bool {
	position := q.Cursor(query)
	if position == "" {
		return false
	}
	parts := strings.Split(position, ",")
	if len(parts) != len(numbers) {
		q.FailForm("cursor", account.FieldSyntax, formCursor)
		return false
	}
	for i, part := range parts {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || n < 0 {
			q.FailForm("cursor", account.FieldSyntax, formCursor)
			return false
		}
		*numbers[i] = n
	}
	return true
}
