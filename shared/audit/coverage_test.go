package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/archive/forgetest"
	"passbook/shared/archive/versions"
	"passbook/shared/audit"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/origin"
	"passbook/shared/segment"
)

// covering is an archive of a bank that was switched to macs.
type covering struct {
	t       *testing.T
	dir     string
	bucket  bucket.Bucket
	origin  *origin.Proof
	entries []*event.Entry
	records []segment.Record
	keys    []string
}

// switched is how many entries were there when the bank was switched to macs. Two more were written
// without one.
const switched = 58

// newCovering has the histories of six accounts; the first 60 of 120 entries have no mac.
func newCovering(t *testing.T) *covering {
	t.Helper()
	c := &covering{t: t, dir: t.TempDir(), entries: forgetest.Upgraded(archivetest.Bank(5, 6, 120), 60, eventtest.Keys)}
	c.records = archivetest.Records(c.entries)
	var err error
	if c.bucket, err = dirbucket.New(c.dir); err != nil {
		t.Fatal(err)
	}
	heads, err := forgetest.Heads(t.Context(), c.bucket, eventtest.Bank, eventtest.Keys, c.entries[:switched])
	if err != nil {
		t.Fatal(err)
	}
	c.origin = &origin.Proof{Bank: eventtest.Bank, Keys: eventtest.Keys, Heads: heads}
	return c
}

// archive seals records in segments of twenty.
func (c *covering) archive(shard string, records []segment.Record) {
	c.t.Helper()
	var link segment.Link
	for part := range slices.Chunk(records, 20) {
		w := segment.NewWriter(2, eventtest.Bank, segment.Source{Stream: "s", Created: archivetest.Start, Shard: shard}, link)
		for _, r := range part {
			if err := w.Append(r); err != nil {
				c.t.Fatal(err)
			}
		}
		sealed, err := w.Seal()
		if err == nil {
			err = c.bucket.Create(c.t.Context(), sealed.Key, sealed.Data)
		}
		if err != nil {
			c.t.Fatal(err)
		}
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last, Sum: sealed.Footer.Sum}
		c.keys = append(c.keys, sealed.Key)
	}
}

// check checks the archive, with room for so many accounts at once.
func (c *covering) check(accounts int) (*audit.Covered, error) {
	c.t.Helper()
	plan, err := archive.LoadPlan(c.t.Context(), c.bucket)
	if err != nil {
		c.t.Fatal(err)
	}
	covered, err := audit.Coverage(c.t.Context(), audit.CoverageConfig{Bucket: c.bucket, Plan: plan, Origin: c.origin, Accounts: accounts})
	if err != nil && !errors.Is(err, audit.ErrDifference) {
		c.t.Fatal(err)
	}
	if (err == nil) != (covered.Count == 0) {
		c.t.Fatalf("%v with %d findings", err, covered.Count)
	}
	return covered, err
}

// mustFind checks that the findings are these, by their beginnings.
func (c *covering) mustFind(want ...string) {
	c.t.Helper()
	for _, accounts := range []int{0, 40} {
		covered, _ := c.check(accounts)
		for _, begin := range want {
			if !slices.ContainsFunc(covered.Findings, func(f versions.Finding) bool { return strings.Contains(f.String(), begin) }) {
				c.t.Errorf("no finding of %q in %v", begin, covered.Findings)
			}
		}
		if covered.Count != int64(len(want)) {
			c.t.Errorf("%d findings, not %d: %v", covered.Count, len(want), covered.Findings)
		}
	}
}

func TestAWholeArchiveIsCovered(t *testing.T) {
	c := newCovering(t)
	c.archive("a", c.records[:80])
	c.archive("b", c.records[40:]) // some of them again
	for _, accounts := range []int{0, 50} {
		covered, err := c.check(accounts)
		if err != nil || covered.Accounts != 6 || covered.Entries != 160 {
			t.Errorf("%+v, %v", covered, err)
		}
	}
}

// oneOf returns the nth entry of an account.
func (c *covering) oneOf(id string, n int) int {
	for i, e := range c.entries {
		if e.AccountID == id {
			if n--; n == 0 {
				return i
			}
		}
	}
	c.t.Fatal("no such entry")
	return 0
}

func TestWhatTheArchiveLacksIsNamed(t *testing.T) {
	c := newCovering(t)
	at := c.oneOf("A-2", 3)
	c.archive("a", slices.Delete(slices.Clone(c.records), at, at+1))
	e := c.entries[at]
	c.mustFind(fmt.Sprintf("%s v%d: missing up to v%d", e.Account(), e.First, e.Last))
}

// The end of an account is known from when the bank was switched.
func TestAnAccountWithoutItsHeadIsNamed(t *testing.T) {
	c := newCovering(t)
	var last *event.Entry
	for _, e := range c.entries[:switched] {
		if e.AccountID == "A-2" {
			last = e
		}
	}
	c.archive("a", slices.DeleteFunc(slices.Clone(c.records), func(r segment.Record) bool {
		return r.Entry.AccountID == "A-1" || r.Entry.AccountID == "A-2" && r.Entry.First >= last.First
	}))
	c.mustFind("main#A-1 v1: missing up to v", fmt.Sprintf("main#A-2 v%d: missing up to v%d, which", last.First, last.Last))
}

func TestForeignEntriesDoNotCover(t *testing.T) {
	c := newCovering(t)
	at := c.oneOf("A-3", 15)
	if !c.entries[at].Signed() {
		t.Fatal("the entry has no mac")
	}
	forged := *c.entries[at]
	forged.MAC = eventtest.Keyring("another bank", 1).Sign(forged.Hash)
	records := slices.Clone(c.records)
	records[at].Entry = &forged
	c.archive("a", records)
	c.mustFind(fmt.Sprintf("%s v%d: missing", forged.Account(), forged.First), "foreign")
}

// An entry without a mac from after the switch is the bank's if another one follows it.
func TestAnEntryThatNothingFollowsIsNotProven(t *testing.T) {
	c := newCovering(t)
	c.archive("a", append(slices.Clone(c.records), segment.Record{
		Sequence: "99999", Arrived: c.records[len(c.records)-1].Arrived, Entry: archivetest.Tenants(9, 1, 1, "other")[0],
	}))
	c.mustFind("other#A-0 v1: it has no mac, and no later entry follows it")
}

func TestALostSegmentIsNamed(t *testing.T) {
	c := newCovering(t)
	c.archive("a", c.records)
	if err := os.Remove(filepath.Join(c.dir, c.keys[2])); err != nil {
		t.Fatal(err)
	}
	covered, err := c.check(0)
	if err == nil || !strings.Contains(covered.Findings[0].What, c.keys[2]+" is missing") || covered.Count < 2 {
		t.Errorf("%v: %v", err, covered.Findings)
	}
}
