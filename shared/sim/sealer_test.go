package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

// newLog returns the log of the archive as a process keeps it.
func (p *process) newLog() *archivelog.Log {
	own := p.part("log")
	return archivelog.New(archivelog.Config{
		Bucket: own.objects(), Table: own.rows(), Keys: open{}, Bank: func() string { return eventtest.Bank },
		Check: func(_ context.Context, e *event.Entry) error { return eventtest.Keys.Verify(e.Hash, e.MAC) },
		Owner: p.name, Exclusive: p.exclusive, Every: 300 * time.Millisecond, Log: silent,
	})
}

// open wraps nothing.
type open struct{}

// Wrap implements keywrap.Wrapper.
func (open) Wrap(_ context.Context, _ string, plain []byte) ([]byte, error) {
	return bytes.Clone(plain), nil
}

// Unwrap implements keywrap.Wrapper.
func (open) Unwrap(_ context.Context, _ string, wrapped []byte) ([]byte, error) {
	return bytes.Clone(wrapped), nil
}

// logKeys returns the public keys of the log.
func (r *run) logKeys() []note.Verifier {
	text, err := archivelog.PublicKeys(context.Background(), r.bucket, open{}, eventtest.Bank)
	if err != nil || len(text) == 0 {
		return nil
	}
	keys, err := archivelog.ParseKeys([]byte(strings.Join(text, "\n")))
	must(err)
	return keys
}

// isCheckpoint reports whether an object is a checkpoint of the log.
func isCheckpoint(key string) bool { return strings.HasPrefix(key, archivelog.Root+"checkpoints/") }

// signed checks a checkpoint when it is created: all of its leaves can be read, and the control
// table has decided them.
func (r *run) signed(d *disk, key string, text []byte) {
	c, err := archivelog.OpenCheckpoint(text, r.logKeys())
	if err != nil {
		r.fail("%s: %v", key, err)
		return
	}
	var root tlog.Hash
	for leaf, err := range archivelog.Read(context.Background(), r.bucket, c.Size) {
		if err != nil {
			r.fail("the checkpoint of %d leaves is there before they are: %v", c.Size, err)
			return
		}
		if leaf.Size == c.Size {
			root = leaf.Root()
		}
	}
	row, err := control.ArchiveLog(d.rows).Get(context.Background(), control.LogKey)
	if err != nil || row.Attrs.Number("size") < c.Size || root != c.Root {
		r.fail("a checkpoint of %d leaves, where the control table has %d, %v, or with another root than they", c.Size, row.Attrs.Number("size"), err)
	}
}

// unlogged returns how many segments of these days the log does not have.
func (j *judge) unlogged() (n int) {
	if !j.run.keepsLog {
		return 0
	}
	has, _ := j.leaves(1)
	for key := range j.run.bucket.keys(segment.AnyRoot) {
		if j.today(key) && has[key] == nil {
			n++
		}
	}
	return n
}

// today reports whether a segment is of a day that the log lists in each round.
func (j *judge) today(key string) bool {
	name, err := segment.ParseKey(key)
	must(err)
	return time.Since(name.Date).Abs() < 47*time.Hour
}

// leaves reads the log as so many of the newest checkpoints have it: the bank signed each, and it
// has the root of its leaves.
func (j *judge) leaves(most int) (has map[string][]archivelog.Leaf, err error) {
	ctx := context.Background()
	has = map[string][]archivelog.Leaf{}
	roots, size := map[int64]tlog.Hash{}, int64(0)
	for c, err := range archivelog.Checkpoints(ctx, j.run.bucket, j.run.logKeys()) {
		if err := errors.Join(err, c.Err); err != nil {
			return has, err
		}
		roots[c.Size], size = c.Root, max(size, c.Size)
		if len(roots) == most {
			break
		}
	}
	for r, err := range archivelog.Read(ctx, j.run.bucket, size) {
		if err := errors.Join(err, r.Wrong); err != nil {
			return has, err
		}
		if root, signed := roots[r.Size]; signed && root != r.Root() {
			return has, fmt.Errorf("the checkpoint of %d leaves has another root than the first leaves of the newest", r.Size)
		}
		has[r.Leaf.Key] = append(has[r.Leaf.Key], r.Leaf)
	}
	return has, nil
}

// log checks that every checkpoint is one of the newest's beginnings, and that each segment is a
// leaf once, as it is in the bucket.
func (j *judge) log() {
	has, err := j.leaves(-1)
	if err != nil {
		j.run.fail("the archive's log: %v", err)
	}
	for key, leaves := range has {
		data, err := bytesOf(j.run.bucket, key)
		if err != nil {
			j.run.fail("the log has the leaf %s, which cannot be read: %v", key, err)
			continue
		}
		parsed, err := segment.Parse(key, data)
		if err != nil || len(leaves) != 1 || leaves[0] != archivelog.LeafOf(key, data, parsed.Footer) {
			j.run.fail("%s is %d times in the log, or as another one: %v", key, len(leaves), err)
		}
	}
}

func bytesOf(b bucket.Bucket, key string) ([]byte, error) {
	return segment.ReadObject(context.Background(), b, key)
}
