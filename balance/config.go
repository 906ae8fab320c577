package balance

import (
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
)

// Config configures a Projector. Runtime, Journal and Store are required.
type Config struct {
	// Runtime says which stream is read, by which process and under which leases.
	Runtime consumer.Runtime
	// RowBytes bounds the rows that each generation keeps in memory; 0 is 64 MiB.
	RowBytes int64
	// Metrics counts; nil counts nothing.
	Metrics *readmodel.Metrics
	// Journal fills gaps.
	Journal *journal.Reader
	// Store is whose readers are woken.
	Store *Store
}
