package balance

import (
	"time"

	"passbook/shared/account"
	"passbook/shared/consumer"
	"passbook/shared/derived"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
)

// Config configures a Projector. Runtime, Journal and Store are required.
type Config struct {
	// Runtime is the stream to read, the stores, and the process that reads.
	Runtime consumer.Runtime
	// RowBytes bounds the rows that each generation keeps in memory; 0 is 64 MiB.
	RowBytes int64
	// NoEventIndex leaves the events out of the index over all accounts.
	NoEventIndex bool
	// Now is the time from which the index reaches back; nil is time.Now.
	Now func() time.Time
	// Metrics counts; nil counts nothing.
	Metrics *readmodel.Metrics
	// Journal fills gaps and heals holes.
	Journal *journal.Reader
	// Store has the rows to keep. Its waiting readers are woken.
	Store *Store
}

// Projector keeps the rows of all generations up to date with the stream.
type Projector = readmodel.Projector[account.State]

// NewProjector returns a projector, which does nothing before Run.
func NewProjector(c Config) *Projector {
	if c.Now == nil {
		c.Now = time.Now
	}
	return readmodel.NewProjector(readmodel.Config[account.State]{
		Runtime: c.Runtime, Rows: c.Store.Rows, Journal: c.Journal, RowBytes: c.RowBytes, Metrics: c.Metrics,
		Further: derived.Further(!c.NoEventIndex, c.Now), Transact: c.Runtime.Exclusive,
	})
}
