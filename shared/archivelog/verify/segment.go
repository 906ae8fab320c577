package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"passbook/shared/archive/versions"
	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// walk reads the segments in the order of the log. It reports what is wrong with them in the first
// reading, and what is wrong with their entries unless they are read again.
func (v *verifier) walk(ctx context.Context, reading versions.Reading, take func(versions.Link) error) error {
	for r, err := range archivelog.Read(ctx, v.config.Bucket, v.size) {
		if err != nil {
			return err
		}
		if r.Wrong != nil || v.leaves[short(r.Leaf.Key)] != r.Size-1 {
			continue
		}
		if reading.First {
			v.report.Segments++
		}
		if err := v.walkSegment(ctx, r.Leaf, reading, take); err != nil {
			return err
		}
		v.config.Progress.Add(r.Leaf.Entries)
	}
	return nil
}

// walkSegment reads a segment and gives its entries to take.
func (v *verifier) walkSegment(ctx context.Context, leaf archivelog.Leaf, reading versions.Reading, take func(versions.Link) error) error {
	find := func(what string) {
		if reading.First {
			v.report.find(versions.Finding{Segment: leaf.Key, What: what})
		}
	}
	s, err := v.open(ctx, leaf, find)
	if err != nil {
		return damaged(leaf, err, find)
	}
	for rec, err := range s.RecordsOf(segment.Exact, reading.Keep) {
		var entry *segment.EntryError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &entry):
			if !reading.Again {
				of := event.Account{Tenant: entry.Tenant, ID: entry.AccountID}
				v.report.find(versions.Finding{Segment: leaf.Key, Account: of.String(), Version: entry.First, What: entry.Err.Error()})
			}
			continue
		case err != nil:
			return damaged(leaf, err, find)
		}
		if !reading.Again {
			v.report.Entries++
			v.report.Events += int64(len(rec.Entry.Events))
		}
		if err := take(versions.LinkOf(rec.Entry, leaf.Key)); err != nil {
			return err
		}
	}
	return nil
}

// open returns the segment of a leaf, and reports what the leaf has otherwise.
func (v *verifier) open(ctx context.Context, leaf archivelog.Leaf, find func(what string)) (*segment.Segment, error) {
	data, err := segment.ReadObject(ctx, v.config.Bucket, leaf.Key)
	if err != nil {
		return nil, err
	}
	if is := archivelog.LeafOf(leaf.Key, data, segment.Footer{}); is.Sum != leaf.Sum || is.Bytes != leaf.Bytes {
		find(fmt.Sprintf("it is not what was signed: %d bytes with the SHA-256 %s, in the log %d bytes with %s", is.Bytes, is.Sum, leaf.Bytes, leaf.Sum))
	}
	s, err := segment.Parse(leaf.Key, data)
	if err != nil {
		return nil, err
	}
	if is := archivelog.LeafOf(leaf.Key, nil, s.Footer); is.Rows != leaf.Rows || is.Entries != leaf.Entries || is.Root != leaf.Root {
		find(fmt.Sprintf("it has %d rows of %d entries with the root %q, in the log %d of %d with %q", is.Rows, is.Entries, is.Root, leaf.Rows, leaf.Entries, leaf.Root))
	}
	if s.Footer.Bank != "" && s.Footer.Bank != v.report.Bank {
		find("it is of bank " + s.Footer.Bank)
	}
	return s, nil
}

// damaged reports a segment that cannot be read, or returns an error that is no segment's.
func damaged(leaf archivelog.Leaf, err error, find func(what string)) error {
	if !segment.Unusable(err) {
		return err
	}
	what := strings.TrimPrefix(err.Error(), "segment "+leaf.Key+": ")
	if errors.Is(err, bucket.ErrNotFound) {
		what = "it is missing"
	}
	find(what)
	return nil
}
