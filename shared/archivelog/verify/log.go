package verify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"passbook/shared/archive/versions"
	"passbook/shared/archivelog"
	"passbook/shared/segment"
)

// readLog compares the leaves of the copy with the checkpoint that was kept, and with the newest in
// the copy.
func (v *verifier) readLog(ctx context.Context, kept archivelog.Checkpoint) error {
	newest, err := v.newest(ctx)
	if err != nil {
		return err
	}
	if newest.Size > 0 {
		v.report.Newest = signedOf(newest)
	}
	switch {
	case newest.Size > 0 && newest.Bank != kept.Bank:
		v.report.find(versions.Finding{What: fmt.Sprintf("the log is of bank %s, and the checkpoint that was kept of bank %s", newest.Bank, kept.Bank)})
		newest = archivelog.Checkpoint{}
	case newest.Size < kept.Size:
		v.report.find(versions.Finding{What: fmt.Sprintf("the log was cut: the newest checkpoint in the copy is of %d leaves, and the one that was kept of %d", newest.Size, kept.Size)})
	}
	for r, err := range archivelog.Read(ctx, v.config.Bucket, max(kept.Size, newest.Size)) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			v.report.find(versions.Finding{What: fmt.Sprintf("the log cannot be read after %d of %d leaves: %v", v.size, max(kept.Size, newest.Size), err)})
			return nil
		}
		v.size = r.Size
		v.leaf(r)
		v.compare(r, kept, "that was kept")
		v.compare(r, newest, "in the copy")
	}
	return nil
}

// newest returns the newest checkpoint in the copy that is signed, and names newer ones that are
// not; the zero Checkpoint if there is none.
func (v *verifier) newest(ctx context.Context) (archivelog.Checkpoint, error) {
	for stored, err := range archivelog.Checkpoints(ctx, v.config.Bucket, v.config.Keys) {
		if err != nil {
			return archivelog.Checkpoint{}, err
		}
		if stored.Err == nil {
			return stored.Checkpoint, nil
		}
		v.report.find(versions.Finding{What: fmt.Sprintf("%s is not the bank's: %v", stored.Key, stored.Err)})
	}
	return archivelog.Checkpoint{}, nil
}

// compare compares the root of the leaves so far with that of the checkpoint of as many.
func (v *verifier) compare(r archivelog.Reading, is archivelog.Checkpoint, which string) {
	if r.Size == is.Size && r.Root() != is.Root {
		v.report.find(versions.Finding{What: fmt.Sprintf("the first %d leaves of the log are others than the checkpoint %s signed", is.Size, which)})
	}
}

// leaf notes a leaf, and names one that cannot be read or was there before.
func (v *verifier) leaf(r archivelog.Reading) {
	if r.Wrong != nil {
		v.report.find(versions.Finding{What: fmt.Sprintf("leaf %d of the log: %v", r.Size-1, r.Wrong)})
		return
	}
	if first, twice := v.leaves[short(r.Leaf.Key)]; twice {
		v.report.find(versions.Finding{Segment: r.Leaf.Key, What: fmt.Sprintf("it is in the log twice, as leaves %d and %d", first, r.Size-1)})
		return
	}
	v.leaves[short(r.Leaf.Key)] = r.Size - 1
	v.total += r.Leaf.Entries
}

// short returns a name as it is kept of very many.
func short(name string) (s [16]byte) {
	sum := sha256.Sum256([]byte(name))
	copy(s[:], sum[:])
	return s
}

// listUnlogged lists the objects among the segments that are no leaves.
func (v *verifier) listUnlogged(ctx context.Context) error {
	for after := ""; ; {
		page, err := v.config.Bucket.List(ctx, segment.AnyRoot, after)
		if err != nil {
			return fmt.Errorf("list the copy: %w", err)
		}
		for _, o := range page.Objects {
			if _, logged := v.leaves[short(o.Key)]; logged {
				continue
			}
			what := "not a segment of this release"
			if footer, err := segment.ReadFooter(ctx, v.config.Bucket, o.Key); err == nil {
				what = "its records arrived up to " + time.UnixMicro(footer.Arrived.To).UTC().Format(time.RFC3339)
			} else if ctx.Err() != nil {
				return ctx.Err()
			}
			v.report.unlogged(o.Key, what)
		}
		if after = page.After; after == "" {
			return nil
		}
	}
}

// Signed is a checkpoint as a report has it.
type Signed struct {
	Size int64     `json:"leaves"`
	Root tlog.Hash `json:"root"`
	At   time.Time `json:"at"`
}

func signedOf(c archivelog.Checkpoint) Signed { return Signed{c.Size, c.Root, c.At} }

// String returns the size and the time.
func (s Signed) String() string {
	return fmt.Sprintf("%d segments, as of %s", s.Size, s.At.UTC().Format(time.RFC3339))
}
