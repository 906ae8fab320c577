package table

// Stamped is a Table that only this process can write, which tells whether a row was written since
// it was read.
type Stamped interface {
	Table
	// Stamp returns a number for a row that there is. As long as it returns the same one again, the
	// row is as a Get after the first call returned it. It returns 0, which tells nothing, while
	// the row is being written.
	Stamp(table string, key Key) uint64
	// NextStamp returns what a stamp becomes by one more write of the row. If a row has it after a
	// caller's write, nobody else wrote the row since the caller got the stamp.
	NextStamp(stamp uint64) uint64
}
