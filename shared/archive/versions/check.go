package versions

import (
	"errors"
	"fmt"

	"passbook/shared/archive"
)

// DefaultAccounts is how many accounts are checked at once, with about 140 bytes each.
const DefaultAccounts = 2_000_000

// partsMost is how many parts are tried.
const partsMost = 1 << 16

// Finding is a place where an archive is not what it should be.
type Finding struct {
	// Segment is a segment's key, Account "<tenant>#<id>", and Version the first one concerned;
	// each is empty where none is known.
	Segment string `json:"segment,omitempty"`
	Account string `json:"account,omitempty"`
	Version int64  `json:"version,omitempty"`
	What    string `json:"what"`
}

// String returns the finding as a line.
func (f Finding) String() string { return Line(f.Segment, f.Account, f.Version, f.What) }

// Line describes to a person what is wrong with an account's version, in the object with a key. Key
// and account may be empty.
func Line(key, account string, version int64, what string) string {
	if account != "" {
		what = fmt.Sprintf("%s v%d: %s", account, version, what)
	}
	if key != "" {
		what = key + ": " + what
	}
	return what
}

// Reading is one reading of the archive.
type Reading struct {
	// Keep selects the accounts that are read.
	Keep func(tenant, account string) bool
	// First is true once: what is wrong with segments is to be found then. Again is true where the
	// same entries were read before: nothing of them is to be found or counted.
	First, Again bool
}

// Config configures Check. All but Ends are required.
type Config struct {
	// Accounts bounds the accounts that are checked at once; 0 means DefaultAccounts.
	Accounts int
	// Begin is called before everything is read in so many parts. It may be called again, with
	// more, and forgets then what was found and counted.
	Begin func(parts int)
	// Walk gives the entries of the accounts that are kept to take, in each reading in the same
	// order, and ends with the error of take.
	Walk func(r Reading, take func(Link) error) error
	// Ends, if not nil, is called after each part with what tells the last version of an account.
	Ends func(keep func(tenant, account string) bool, last func(account string) int64) error
	// Find is told what is wrong.
	Find func(Finding)
}

// Check reads the archive and returns the number of accounts.
func Check(c Config) (accounts int64, err error) {
	if c.Accounts <= 0 {
		c.Accounts = DefaultAccounts
	}
	for parts := 1; ; parts *= 2 {
		c.Begin(parts)
		accounts, err = c.check(parts)
		if !errors.Is(err, errMany) || parts == partsMost {
			return accounts, err
		}
	}
}

// check reads the archive in parts.
func (c Config) check(parts int) (accounts int64, err error) {
	for part := range parts {
		more, err := c.checkPart(part, parts)
		if err != nil {
			return 0, err
		}
		accounts += more
	}
	return accounts, nil
}

func (c Config) checkPart(part, parts int) (accounts int64, err error) {
	keep := func(tenant, account string) bool { return archive.Part(tenant, account, parts) == part }
	again := repeats{}
	of := newChains(c.Accounts, c.Find, again.add, nil)
	if err := c.Walk(Reading{Keep: keep, First: part == 0}, of.take); err != nil {
		return 0, err
	}
	of.finish()
	if len(again) > 0 {
		if err := c.checkRepeats(again); err != nil {
			return 0, err
		}
	}
	if c.Ends != nil {
		err = c.Ends(keep, func(account string) int64 { return of.heads[short(account)].last })
	}
	return int64(len(of.heads)), err
}

// checkRepeats reads the accounts again of which entries came that another one was before. Each
// MUST be one of the account's chain.
func (c Config) checkRepeats(r repeats) error {
	accounts := r.accounts()
	keep := func(tenant, account string) bool { return accounts[tenant+"#"+account] }
	of := newChains(c.Accounts, func(Finding) {}, func(Link) {}, r.match)
	if err := c.Walk(Reading{Keep: keep, Again: true}, of.take); err != nil {
		return err
	}
	of.finish()
	for _, l := range r.unmatched() {
		c.Find(Finding{Segment: l.Segment, Account: l.Account, Version: l.First, What: "the account has another entry with this version"})
	}
	return nil
}
