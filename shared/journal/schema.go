package journal

import (
	"crypto/sha256"
	"encoding/base64"

	"passbook/shared/control"
	"passbook/shared/journal/rowkey"
	"passbook/shared/table"
)

// Table is the name of the journal's table.
const Table = rowkey.Table

// IndexAccounts is the index of the accounts by hash bucket. It has one row for each account.
const IndexAccounts = "accounts"

// Schemas describes the tables of the write path: the journal's own, and the control table.
var Schemas = []table.Schema{
	{Name: Table, Rising: []string{rowkey.EntryPrefix}, Indexes: []table.Index{
		{Name: rowkey.WritersIndex, PK: "wk", SK: "wn", Numeric: true},
		{Name: IndexAccounts, PK: "ak", SK: "pk"},
	}},
	control.Schema,
}

// RequestHash tells one command from another under the same key. It returns the first 128 bits of
// SHA-256(op LF account LF command), where command is the decoded command as our encoder writes it.
func RequestHash(op, accountID string, command []byte) string {
	var room [512]byte
	text := append(append(room[:0], op...), '\n')
	text = append(append(text, accountID...), '\n')
	sum := sha256.Sum256(append(text, command...))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
