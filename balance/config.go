package balance

import (
	"passbook/shared/consumer"
	"passbook/shared/journal"
)

// Config configures a Projector. All of it is required.
type Config struct {
	// Worker says which stream is read, by whom and under which leases; its Name, Open, Heal and
	// Journal are set here.
	Worker consumer.Config
	// Journal fills gaps.
	Journal *journal.Reader
	// Store is whose readers are woken.
	Store *Store
}
