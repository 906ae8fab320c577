package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"passbook/shared/journal"
)

// Fault is something that does not fit together.
type Fault struct {
	Account journal.Account
	// Version is the first one concerned.
	Version int64
	// What says what is wrong, without values of the account.
	What string
}

// String names the account, the version and what is wrong.
func (f Fault) String() string { return fmt.Sprintf("%s v%d: %s", f.Account, f.Version, f.What) }

// faultsKept bounds the faults that are kept; all are counted.
const faultsKept = 10_000

// Faults are what a job found, in order of account and version.
type Faults struct {
	// Count is how many there are; List has the first of them that were found.
	Count int64
	List  []Fault
}

// collector gathers faults. It may be used concurrently.
type collector struct {
	mu     sync.Mutex
	faults Faults
}

func (c *collector) add(a journal.Account, version int64, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults.Count++
	if len(c.faults.List) < faultsKept {
		c.faults.List = append(c.faults.List, Fault{a, version, fmt.Sprintf(format, args...)})
	}
}

func (c *collector) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults.Count > 0
}

// result gives the faults, and ErrDifference when there are any.
func (c *collector) result() (Faults, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortFunc(c.faults.List, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Account.String(), b.Account.String()), cmp.Compare(a.Version, b.Version), cmp.Compare(a.What, b.What))
	})
	if c.faults.Count > 0 {
		return c.faults, ErrDifference
	}
	return c.faults, nil
}

// broken is ErrDifference that names the breaks of an archive's chains; nil when there are none. A segment that is missing may have
// had the ends of histories, which nothing else tells.
func broken(breaks []string) error {
	if len(breaks) == 0 {
		return nil
	}
	return fmt.Errorf("%w: the archive lacks segments: %s", ErrDifference, strings.Join(breaks[:min(len(breaks), breaksNamed)], "; "))
}

// breaksNamed bounds the breaks that an error names.
const breaksNamed = 10
