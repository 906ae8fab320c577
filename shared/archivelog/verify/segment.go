package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"passbook/shared/archive"
	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// checkPart reads the segments in the order of the log, and checks the chains of a part of the
// accounts. With the first part it checks the segments themselves.
func (v *verifier) checkPart(ctx context.Context, part, parts int) error {
	again := repeats{}
	c := &chains{most: v.config.Accounts, find: v.report.find, repeat: again.add}
	keep := func(tenant, id string) bool { return archive.Part(tenant, id, parts) == part }
	err := v.walk(ctx, keep, part == 0, func(rec segment.Record, key string) error {
		v.report.Entries++
		v.report.Events += int64(len(rec.Entry.Events))
		return c.take(rec.Entry, key)
	})
	if err != nil {
		return err
	}
	c.finish()
	v.report.Accounts += int64(len(c.heads))
	if len(again) == 0 {
		return nil
	}
	return v.checkRepeats(ctx, again)
}

// checkRepeats reads the accounts again of which entries came that another one was before. Each
// MUST be one of the account's chain.
func (v *verifier) checkRepeats(ctx context.Context, r repeats) error {
	c := &chains{most: v.config.Accounts, find: func(Finding) {}, repeat: func(link) {}, linked: r.match}
	accounts := r.accounts()
	keep := func(tenant, id string) bool { return accounts[nameOf(tenant, id)] }
	err := v.walk(ctx, keep, false, func(rec segment.Record, key string) error { return c.take(rec.Entry, key) })
	if err != nil {
		return err
	}
	c.finish()
	for _, l := range r.unmatched() {
		v.report.find(Finding{Segment: l.segment, Account: l.account, Version: l.first, What: "the account has another entry with this version"})
	}
	return nil
}

// walk reads the segments in the order of the log and gives the entries of the accounts that keep
// selects to take. With faults it reports what is wrong with the segments.
func (v *verifier) walk(ctx context.Context, keep func(tenant, account string) bool, faults bool, take func(rec segment.Record, key string) error) error {
	for r, err := range archivelog.Read(ctx, v.config.Bucket, v.size) {
		if err != nil {
			return err
		}
		if r.Wrong != nil || v.leaves[short(r.Leaf.Key)] != r.Size-1 {
			continue
		}
		find := func(Finding) {}
		if faults {
			v.report.Segments++
			find = v.report.find
		}
		if err := v.walkSegment(ctx, r.Leaf, keep, find, take); err != nil {
			return err
		}
		v.config.Progress.Add(r.Leaf.Entries)
	}
	return nil
}

// walkSegment reads a segment and gives its entries to take. It reports what differs from the leaf.
func (v *verifier) walkSegment(ctx context.Context, leaf archivelog.Leaf, keep func(tenant, account string) bool, find func(Finding), take func(rec segment.Record, key string) error) error {
	s, err := v.open(ctx, leaf, find)
	if err != nil {
		return v.damaged(leaf, err, find)
	}
	for rec, err := range s.RecordsOf(segment.Exact, keep) {
		var entry *segment.EntryError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &entry):
			v.report.find(Finding{Segment: leaf.Key, Account: nameOf(entry.Tenant, entry.AccountID), Version: entry.First, What: entry.Err.Error()})
		case err != nil:
			return v.damaged(leaf, err, find)
		default:
			if err := take(rec, leaf.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// open returns the segment of a leaf, and reports what the leaf has otherwise.
func (v *verifier) open(ctx context.Context, leaf archivelog.Leaf, find func(Finding)) (*segment.Segment, error) {
	data, err := segment.ReadObject(ctx, v.config.Bucket, leaf.Key)
	if err != nil {
		return nil, err
	}
	if is := archivelog.LeafOf(leaf.Key, data, segment.Footer{}); is.Sum != leaf.Sum || is.Bytes != leaf.Bytes {
		find(Finding{Segment: leaf.Key, What: fmt.Sprintf("it is not what was signed: %d bytes with the SHA-256 %s, in the log %d bytes with %s", is.Bytes, is.Sum, leaf.Bytes, leaf.Sum)})
	}
	s, err := segment.Parse(leaf.Key, data)
	if err != nil {
		return nil, err
	}
	if is := archivelog.LeafOf(leaf.Key, nil, s.Footer); is.Rows != leaf.Rows || is.Entries != leaf.Entries || is.Root != leaf.Root {
		find(Finding{Segment: leaf.Key, What: fmt.Sprintf("it has %d rows of %d entries with the root %q, in the log %d of %d with %q", is.Rows, is.Entries, is.Root, leaf.Rows, leaf.Entries, leaf.Root)})
	}
	if s.Footer.Bank != "" && s.Footer.Bank != v.report.Bank {
		find(Finding{Segment: leaf.Key, What: "it is of bank " + s.Footer.Bank})
	}
	return s, nil
}

// damaged reports a segment that cannot be read, or returns an error that is no segment's.
func (v *verifier) damaged(leaf archivelog.Leaf, err error, find func(Finding)) error {
	if !segment.Unusable(err) {
		return err
	}
	what := strings.TrimPrefix(err.Error(), "segment "+leaf.Key+": ")
	if errors.Is(err, bucket.ErrNotFound) {
		what = "it is missing"
	}
	find(Finding{Segment: leaf.Key, What: what})
	return nil
}
