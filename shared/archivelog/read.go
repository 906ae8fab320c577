package archivelog

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"passbook/shared/bucket"
)

// maxObject bounds the objects of the log: 256 leaves.
const maxObject = tileWidth * (maxLeaf + 1)

// readObject returns the content of an object of the log.
func readObject(ctx context.Context, b bucket.Bucket, key string) ([]byte, error) {
	o, err := b.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	defer o.Close()
	if o.Size() > maxObject {
		return nil, fmt.Errorf("%s has %d bytes, more than an object of the log may have", key, o.Size())
	}
	data, err := bucket.Content(o)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return data, nil
}

// texts walks the texts of the first leaves of a log of a size. An error is the last.
func texts(ctx context.Context, b bucket.Bucket, size int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for number := int64(0); number*tileWidth < size; number++ {
			lines, err := readTile(ctx, b, number, size)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, line := range lines {
				if !yield(line, nil) {
					return
				}
			}
		}
	}
}

// readTile returns the texts of the leaves in a tile of a log of a size.
func readTile(ctx context.Context, b bucket.Bucket, number, size int64) ([][]byte, error) {
	width := int(min(tileWidth, size-number*tileWidth))
	key := tileName(entriesRoot, number, width)
	data, err := readObject(ctx, b, key)
	if err != nil {
		return nil, err
	}
	lines := bytes.Split(data, []byte("\n"))
	if len(lines) != width+1 || len(lines[width]) > 0 {
		return nil, fmt.Errorf("%s has %d lines, not %d", key, len(lines)-1, width)
	}
	return lines[:width], nil
}

// Stored is a checkpoint in the bucket.
type Stored struct {
	Key string
	// Text is the object, as it is given to somebody who keeps it.
	Text []byte
	// Checkpoint is what is signed, and Err why it is not the bank's.
	Checkpoint
	Err error
}

// Checkpoints walks the checkpoints in the bucket, the newest first, those included that none of
// the keys signed. An error is the last.
func Checkpoints(ctx context.Context, b bucket.Bucket, keys []note.Verifier) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		for key, err := range listKeys(ctx, b, checkpointsRoot) {
			if err != nil {
				yield(Stored{}, err)
				return
			}
			size, named := parseCheckpointName(key)
			if !named {
				continue
			}
			signed, err := readObject(ctx, b, key)
			if err != nil {
				yield(Stored{}, err)
				return
			}
			s := Stored{Key: key, Text: signed}
			s.Checkpoint, s.Err = OpenCheckpoint(signed, keys)
			if s.Err == nil && s.Size != size {
				s.Err = fmt.Errorf("it is the checkpoint of %d leaves", s.Size)
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// listKeys walks the keys under a prefix. An error is the last.
func listKeys(ctx context.Context, b bucket.Bucket, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for after := ""; ; {
			page, err := b.List(ctx, prefix, after)
			if err != nil {
				yield("", fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			for _, o := range page.Objects {
				if !yield(o.Key, nil) {
					return
				}
			}
			if after = page.After; after == "" {
				return
			}
		}
	}
}

// Reading is an element of a log that is being read.
type Reading struct {
	// Size is the number of leaves up to and with this one.
	Size int64
	Leaf Leaf
	// Wrong is why the text of the leaf cannot be read; nil if it can.
	Wrong error
	tree  *tree
}

// Root returns the root of the tree up to and with this leaf.
func (r Reading) Root() tlog.Hash { return r.tree.root() }

// Read walks the first leaves of a log of a size, as the bucket has them. Nothing is proven of them
// until their root is compared with a checkpoint. An error is the last.
func Read(ctx context.Context, b bucket.Bucket, size int64) iter.Seq2[Reading, error] {
	return func(yield func(Reading, error) bool) {
		t := &tree{}
		for text, err := range texts(ctx, b, size) {
			if err != nil {
				yield(Reading{}, err)
				return
			}
			t.add(text)
			r := Reading{Size: t.size, tree: t}
			r.Leaf, r.Wrong = parseLeaf(text)
			if !yield(r, nil) {
				return
			}
		}
	}
}
