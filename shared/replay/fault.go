package replay

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// ErrDifference means that a job found something inconsistent; its result names it. Programs exit
// with 3.
var ErrDifference = errors.New("replay: differences found")

// Fault is one inconsistency.
type Fault struct {
	Account event.Account
	// Version is the first one concerned.
	Version int64
	// What describes it, without values of the account. Values has those of two rows that differ,
	// for people who may read accounts, and for no log.
	What   string
	Values []Difference `json:",omitempty"`
}

// Difference is an attribute that an account's two rows do not have in common, with both values;
// "" where a row lacks it.
type Difference struct{ Name, Live, Candidate string }

// String returns the account, the version and the description.
func (f Fault) String() string { return fmt.Sprintf("%s v%d: %s", f.Account, f.Version, f.What) }

// maxFaults bounds the faults that are listed; all are counted.
const maxFaults = 10_000

// Faults are what a job found, in order of account and version.
type Faults struct {
	// Count is their number; List has the first ones that were found.
	Count int64
	List  []Fault
}

// faultList collects faults. It is safe for concurrent use.
type faultList struct {
	mu     sync.Mutex
	faults Faults
	// unlisted counts the faults of each account that are not listed.
	unlisted map[event.Account]int64
}

func (c *faultList) add(a event.Account, version int64, format string, args ...any) {
	c.keep(Fault{Account: a, Version: version, What: fmt.Sprintf(format, args...)})
}

func (c *faultList) keep(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults.Count++
	if len(c.faults.List) < maxFaults {
		c.faults.List = append(c.faults.List, f)
		return
	}
	if c.unlisted == nil {
		c.unlisted = map[event.Account]int64{}
	}
	c.unlisted[f.Account]++
}

// forget drops the faults of accounts that are read again.
func (c *faultList) forget(accounts map[event.Account]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	listed := len(c.faults.List)
	c.faults.List = slices.DeleteFunc(c.faults.List, func(f Fault) bool { return accounts[f.Account] })
	c.faults.Count -= int64(listed - len(c.faults.List))
	for a := range accounts {
		c.faults.Count -= c.unlisted[a]
		delete(c.unlisted, a)
	}
}

func (c *faultList) any() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.faults.Count > 0
}

// result returns the faults, and ErrDifference if there are any.
func (c *faultList) result() (Faults, error) {
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

// damage collects damage found in segments, which costs only what it contains. It is safe for
// concurrent use.
type damage struct {
	mu       sync.Mutex
	segments map[string]error // by their keys
	entries  faultList
	// ends has the last version of each account that is damaged or left out.
	ends map[event.Account]int64
}

// endsAfter notes that an account's history does not end before a version, and that its entry there
// is damaged or left out.
func (d *damage) endsAfter(a event.Account, version int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ends == nil {
		d.ends = map[event.Account]int64{}
	}
	d.ends[a] = max(d.ends[a], version)
}

// lastDamaged returns the last version of an account that is damaged or left out.
func (d *damage) lastDamaged(a event.Account) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ends[a]
}

// addTo returns the plan with the damaged segments as gaps.
func (d *damage) addTo(p archive.Plan) archive.Plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	return p.Without(d.segments)
}

// add notes damage and returns any other error.
func (d *damage) add(in *archive.Planned, err error) error {
	var entry *segment.EntryError
	switch {
	case errors.As(err, &entry):
		a := event.Account{Tenant: entry.Tenant, ID: entry.AccountID}
		d.entries.add(a, entry.First, "the archive's entry is damaged: %v: %v", entry.Err, entry.Key)
		d.endsAfter(a, entry.Last)
	case segment.Unusable(err):
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.segments == nil {
			d.segments = map[string]error{}
		}
		d.segments[in.Key] = err
	default:
		return err
	}
	return nil
}

// gapsError returns an ErrDifference that names the gaps of an archive; nil if there are none. An
// account that was opened in a gap is not named by anything else.
func gapsError(gaps []archive.Gap) error {
	if len(gaps) == 0 {
		return nil
	}
	var named strings.Builder
	for _, g := range gaps[:min(len(gaps), maxGapsNamed)] {
		fmt.Fprintf(&named, "; %s", g)
	}
	if more := len(gaps) - maxGapsNamed; more > 0 {
		fmt.Fprintf(&named, "; and %d more", more)
	}
	return fmt.Errorf("%w: the archive has gaps: %s", ErrDifference, named.String()[2:])
}

// maxGapsNamed bounds the gaps that an error names.
const maxGapsNamed = 10
