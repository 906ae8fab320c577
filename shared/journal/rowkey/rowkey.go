package rowkey

import (
	"fmt"
	"strconv"

	"passbook/shared/event"
	"passbook/shared/table"
)

// The sort keys before and after those of all entries.
const (
	FirstEntry = "E#000000000000"
	LastEntry  = "E#999999999999"
)

// EntryPrefix begins the sort keys of all entries, and of no other rows.
const EntryPrefix = "E#"

// Table is the name of the journal's table, and WritersIndex that of its index of the entries by
// their writer and its counter.
const (
	Table        = "journal"
	WritersIndex = "writers"
)

// Writers is how many keys the index of a writer's entries is spread over, so that no partition of
// the index is busier than one of the table.
const Writers = 8

// Writer returns the key that a writer's entry n has in the index of writers.
func Writer(writer string, n int64) string {
	return writer + "#" + strconv.FormatInt(n%Writers, 10)
}

// Entry returns the key of the entry that begins at a version.
func Entry(a event.Account, first int64) table.Key {
	return table.Key{PK: a.String(), SK: EntrySK(first)}
}

// Guard returns the key of the row that says that a version was reversed.
func Guard(a event.Account, version int64) table.Key {
	return table.Key{PK: a.String(), SK: fmt.Sprintf("R#%012d", version)}
}

// EntrySK returns the sort key of the entry that begins at a version. It writes the digits by hand,
// as every command calls it.
func EntrySK(first int64) string {
	b := [14]byte{'E', '#'}
	for i := 13; i >= 2; i-- {
		b[i] = byte('0' + first%10)
		first /= 10
	}
	return string(b[:])
}

// GuardPut returns the put that marks the original as reversed by the event of version by.
func GuardPut(a event.Account, original, by int64) table.Put {
	return table.Put{Table: Table, If: table.Absent(), Row: table.Row{
		Key: Guard(a, original), Attrs: table.Map{"reversed_by": table.N(by)},
	}}
}
