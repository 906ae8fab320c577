package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"passbook/shared/archive"
	"passbook/shared/archive/versions"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/progress"
	"passbook/shared/segment"
)

// CoverageConfig configures Coverage. Bucket and Plan are required.
type CoverageConfig struct {
	Bucket bucket.Bucket
	// Plan is the archive, with what is known to be missing as gaps.
	Plan archive.Plan
	// Origin shows which entries are the bank's; nil accepts all of them.
	Origin *origin.Proof
	// Accounts bounds the accounts that are checked at once; 0 means versions.DefaultAccounts.
	Accounts int
	// Progress counts the archive's events that were checked; nil is told nothing.
	Progress *progress.Tracker
}

// Covered is what an archive has of its accounts.
type Covered struct {
	// Archive is how far the archive goes.
	Archive  archive.Extent `json:"archive"`
	Accounts int64          `json:"accounts"`
	// Entries and Events were read whole. An entry that was archived again counts again.
	Entries int64 `json:"entries"`
	Events  int64 `json:"events"`
	// Count is the number of findings; Findings lists the first of them.
	Count    int64              `json:"count"`
	Findings []versions.Finding `json:"findings"`
}

// coverage checks an archive without the journal.
type coverage struct {
	CoverageConfig
	has *Covered
}

// Coverage proves that the archive has of each account the versions from 1 to its newest, in one
// chain of hashes, by the archive alone. It ends with ErrDifference if it has findings; the result
// is complete then too. What was never archived is not missed, except what the account had when the
// bank was switched to macs.
func Coverage(ctx context.Context, c CoverageConfig) (*Covered, error) {
	v := coverage{c, &Covered{Archive: c.Plan.Extent(), Findings: []versions.Finding{}}}
	for _, gap := range c.Plan.Gaps {
		v.find(versions.Finding{What: gap.String()})
	}
	before := *v.has
	before.Findings = slices.Clip(before.Findings) // each attempt appends to its own
	accounts, err := versions.Check(versions.Config{
		Accounts: c.Accounts, Find: v.find,
		Begin: func(parts int) {
			*v.has = before
			c.Progress.Begin("coverage", "events", c.Plan.Events*int64(parts))
		},
		Walk: func(r versions.Reading, take func(versions.Link) error) error { return v.walk(ctx, r, take) },
		Ends: func(keep func(tenant, account string) bool, last func(account string) int64) error {
			return v.checkHeads(ctx, keep, last)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("coverage: %w", err)
	}
	v.has.Accounts = accounts
	if v.has.Count > 0 {
		return v.has, ErrDifference
	}
	return v.has, nil
}

func (v coverage) find(f versions.Finding) {
	v.has.Count++
	if len(v.has.Findings) < maxFindings {
		v.has.Findings = append(v.has.Findings, f)
	}
}

// walk reads the segments in order.
func (v coverage) walk(ctx context.Context, r versions.Reading, take func(versions.Link) error) error {
	for i := range v.Plan.Segments {
		s := &v.Plan.Segments[i]
		err := v.walkSegment(ctx, s.Key, r, take)
		switch {
		case err != nil && !segment.Unusable(err):
			return err
		case err != nil && r.First:
			v.find(versions.Finding{Segment: s.Key, What: err.Error()})
		}
		v.Progress.Add(s.Footer.Rows)
	}
	return nil
}

// walkSegment gives the bank's entries of a segment to take.
func (v coverage) walkSegment(ctx context.Context, key string, r versions.Reading, take func(versions.Link) error) error {
	s, err := segment.Open(ctx, v.Bucket, key)
	if err != nil {
		return err
	}
	find := func(of event.Account, version int64, err error) {
		if !r.Again {
			v.find(versions.Finding{Segment: key, Account: of.String(), Version: version, What: err.Error()})
		}
	}
	for rec, err := range s.RecordsOf(segment.Exact, r.Keep) {
		var entry *segment.EntryError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &entry):
			find(event.Account{Tenant: entry.Tenant, ID: entry.AccountID}, entry.First, entry.Err)
			continue
		case err != nil:
			return err
		}
		e, link := rec.Entry, versions.LinkOf(rec.Entry, key)
		switch err := v.Origin.Verify(ctx, e); {
		case errors.Is(err, event.ErrForeign):
			find(e.Account(), e.First, err)
			continue
		case errors.Is(err, origin.ErrUnproven):
			link.Unproven = true
		case err != nil:
			return err
		}
		if !r.Again {
			v.has.Entries++
			v.has.Events += int64(len(e.Events))
		}
		if err := take(link); err != nil {
			return err
		}
	}
	return nil
}

// checkHeads names the accounts that end before the version that they had when the bank was
// switched to macs.
func (v coverage) checkHeads(ctx context.Context, keep func(tenant, account string) bool, last func(account string) int64) error {
	if !v.Origin.Complete() {
		return nil
	}
	for head, err := range v.Origin.Heads.All(ctx) {
		if err != nil {
			return err
		}
		of := head.Account
		if end := last(of.String()); keep(of.Tenant, of.ID) && end < head.Version {
			v.find(versions.Finding{Account: of.String(), Version: end + 1, What: fmt.Sprintf("missing up to v%d, which the account had when the bank was switched to macs", head.Version)})
		}
	}
	return nil
}

// WriteText writes the result as text.
func (c *Covered) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "archive: %s\n", c.Archive)
	fmt.Fprintf(&b, "read: %d entries, %d events of %d accounts\n", c.Entries, c.Events, c.Accounts)
	writeFindings(&b, c.Findings, c.Count)
	if c.Count > 0 {
		fmt.Fprintf(&b, "differences: %d\n", c.Count)
	} else {
		fmt.Fprintln(&b, "the archive has every account from version 1 to its newest")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
