package creditlimit

import (
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
)

// Config configures a Projector. Runtime, Journal, Store and Notifications are required.
type Config struct {
	// Runtime is the stream to read, the stores, and the process that reads.
	Runtime consumer.Runtime
	// Metrics counts; nil counts nothing.
	Metrics *readmodel.Metrics
	// Journal fills gaps and heals holes.
	Journal *journal.Reader
	// Store has the rows to keep. Its waiting readers are woken.
	Store *Store
	// Notifications is the stream that crossings are sent to, with the deployment's prefix.
	Notifications string
}

// Projector keeps the rows of all generations up to date with the stream, and sends the crossings.
type Projector = readmodel.Projector[State]

// NewProjector returns a projector, which does nothing before Run.
func NewProjector(c Config) *Projector {
	return readmodel.NewProjector(readmodel.Config[State]{
		Runtime: c.Runtime, Rows: c.Store, Journal: c.Journal, Metrics: c.Metrics,
		Outbox: readmodel.Outbox{Streams: c.Runtime.Streams, Stream: c.Notifications},
	})
}
