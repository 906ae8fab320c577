package access

import (
	"fmt"
	"slices"
	"strings"
)

// Scopes is a set of rights. Its zero value is empty.
type Scopes uint16

// The scopes. Their names in keys, tokens and the contract are in scopeNames, in this order.
const (
	// AccountsRead reads accounts, balances, statements, events, holds and limits.
	AccountsRead Scopes = 1 << iota
	// AccountsWrite opens, freezes, unfreezes and closes accounts.
	AccountsWrite
	// MoneyCredit credits accounts and reverses credits.
	MoneyCredit
	// MoneyWithdraw withdraws, holds, captures, releases, transfers and reverses withdrawals.
	MoneyWithdraw
	// LimitsWrite sets credit limits.
	LimitsWrite
	// Force lets a command pass a rule that it names, such as a limit below its use.
	Force
	// OpsRead reads the state of consumers, causes of failed checks, metrics and the operators'
	// log.
	OpsRead
	// OpsWrite runs jobs.
	OpsWrite
	// FeedRead reads the events of all accounts of a tenant.
	FeedRead
	// PIIRead reads the names behind actors.
	PIIRead
	// KeysWrite makes and revokes keys.
	KeysWrite
	// WebhooksRead reads the endpoints of webhooks and how far they are.
	WebhooksRead
	// WebhooksWrite makes, changes, tests and removes endpoints, and has events sent again.
	WebhooksWrite

	allScopes = iota
)

// All has every scope.
const All = Scopes(1<<allScopes - 1)

// Commands are the scopes of which every command needs one.
const Commands = AccountsWrite | MoneyCredit | MoneyWithdraw | LimitsWrite

var scopeNames = [allScopes]string{
	"accounts:read", "accounts:write", "money:credit", "money:withdraw", "limits:write", "force",
	"ops:read", "ops:write", "feed:read", "pii:read", "keys:write", "webhooks:read", "webhooks:write",
}

// Parse returns the set of the named scopes. It fails on a name that is no scope.
func Parse(names []string) (Scopes, error) {
	var all Scopes
	for _, name := range names {
		i := slices.Index(scopeNames[:], name)
		if i < 0 {
			return 0, fmt.Errorf("access: %q is no scope: use %s", name, strings.Join(scopeNames[:], ", "))
		}
		all |= 1 << i
	}
	return all, nil
}

// Known returns the set of those of the names that are scopes. It is for tokens of others, which
// have scopes of other programs too.
func Known(names []string) (known Scopes) {
	for i, name := range scopeNames {
		if slices.Contains(names, name) {
			known |= 1 << i
		}
	}
	return known
}

// Has reports whether every scope of wanted is in the set.
func (s Scopes) Has(wanted Scopes) bool { return s&wanted == wanted }

// HasAny reports whether a scope of wanted is in the set.
func (s Scopes) HasAny(wanted Scopes) bool { return s&wanted != 0 }

// Names returns the names of the scopes, in the order of the constants.
func (s Scopes) Names() []string {
	names := make([]string, 0, allScopes)
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the names with spaces between them, as tokens have them.
func (s Scopes) String() string { return strings.Join(s.Names(), " ") }
