package origin

import "passbook/shared/event"

// Proof shows which entries of an archive are the bank's.
type Proof struct {
	// Bank is the bank's id, "" where nothing says it.
	Bank string
	// Keys check macs. They are nil in a bank that was never switched to them.
	Keys *event.Keyring
	// Heads are the last entries of each account from before macs. They are nil in a bank that was
	// never switched, or is being switched: entries without a mac are accepted then.
	Heads *Heads
}
