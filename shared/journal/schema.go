package journal

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

// Table is the name of the journal's table.
const Table = "journal"

// IndexAccounts is the index of the accounts by hash bucket. It has one row for each account.
const IndexAccounts = "accounts"

const indexWriters = "writers"

// Schemas describes the tables of the write path: the journal's own, and the control table.
var Schemas = []table.Schema{
	{Name: Table, Indexes: []table.Index{
		{Name: indexWriters, PK: "wk", SK: "wn", Numeric: true},
		{Name: IndexAccounts, PK: "ak", SK: "pk"},
	}},
	control.Schema,
}

// RequestHash tells one command from another under the same key. It returns the first 128 bits of
// SHA-256(op LF account LF command), where command is the decoded command as our encoder writes it.
func RequestHash(op, accountID string, command []byte) string {
	h := sha256.New()
	for _, part := range []string{op, "\n", accountID, "\n"} {
		h.Write([]byte(part))
	}
	h.Write(command)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// Sort keys: entries, guards and the pages of package keyindex share a partition, and their
// prefixes keep them apart.
func entryKey(a event.Account, first int64) table.Key {
	return table.Key{PK: a.String(), SK: entrySK(first)}
}
func guardKey(a event.Account, version int64) table.Key {
	return table.Key{PK: a.String(), SK: fmt.Sprintf("R#%012d", version)}
}

// entrySK returns the sort key of the entry that begins at a version. It writes the digits by hand,
// as every command calls it.
func entrySK(first int64) string {
	b := [14]byte{'E', '#'}
	for i := 13; i >= 2; i-- {
		b[i] = byte('0' + first%10)
		first /= 10
	}
	return string(b[:])
}

const (
	firstEntrySK = "E#000000000000"
	lastEntrySK  = "E#999999999999"
)
