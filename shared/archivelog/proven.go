package archivelog

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"passbook/shared/bucket"
)

// tiles reads tiles of hashes.
type tiles struct {
	ctx    context.Context
	bucket bucket.Bucket
}

func (tiles) Height() int { return tileHeight }

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) (data [][]byte, err error) {
	for _, w := range wanted {
		read, err := readObject(t.ctx, t.bucket, tileName(hashesRoot(w.L), w.N, w.W))
		if err != nil {
			return nil, err
		}
		data = append(data, read)
	}
	return data, nil
}

// hashes returns what reads hashes of the log of a checkpoint, each proven to be in it.
func (c Checkpoint) hashes(ctx context.Context, b bucket.Bucket) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tiles{ctx, b})
}

// Extends returns nil if the log of the checkpoint begins with the leaves of an earlier one, of
// which size and root are given.
func (c Checkpoint) Extends(ctx context.Context, b bucket.Bucket, size int64, root tlog.Hash) error {
	if size > c.Size {
		return fmt.Errorf("the archive's log has %d leaves, fewer than the %d that were signed before", c.Size, size)
	}
	is, err := tlog.TreeHash(size, c.hashes(ctx, b))
	if err != nil {
		return fmt.Errorf("the first %d leaves of the archive's log: %w", size, err)
	}
	if is != root {
		return fmt.Errorf("%w: its first %d leaves are others than were signed before", ErrForked, size)
	}
	return nil
}

// Numbered is a leaf with its place in the log.
type Numbered struct {
	Number int64
	Leaf
}

// From walks the leaves of the checkpoint's log from a number on, each proven to be in it, and
// reads no others. An error is the last.
func (c Checkpoint) From(ctx context.Context, b bucket.Bucket, from int64) iter.Seq2[Numbered, error] {
	return func(yield func(Numbered, error) bool) {
		hashes := c.hashes(ctx, b)
		for number := from / tileWidth; number*tileWidth < c.Size; number++ {
			lines, err := readTile(ctx, b, number, c.Size)
			if err == nil {
				err = proveTile(hashes, number, lines)
			}
			for i, line := range lines {
				n := Numbered{Number: number*tileWidth + int64(i)}
				if n.Number < from && err == nil {
					continue
				}
				if err == nil {
					n.Leaf, err = parseLeaf(line)
				}
				if err != nil {
					break
				}
				if !yield(n, nil) {
					return
				}
			}
			if err != nil {
				yield(Numbered{}, fmt.Errorf("leaves of the archive's log from %d on: %w", number*tileWidth, err))
				return
			}
		}
	}
}

// proveTile compares the leaves of a tile with their hashes.
func proveTile(r tlog.HashReader, number int64, lines [][]byte) error {
	indexes := make([]int64, len(lines))
	for i := range lines {
		indexes[i] = tlog.StoredHashIndex(0, number*tileWidth+int64(i))
	}
	hashes, err := r.ReadHashes(indexes)
	if err != nil {
		return err
	}
	for i, line := range lines {
		if tlog.RecordHash(line) != hashes[i] {
			return fmt.Errorf("%w: leaf %d is another than was signed", ErrForked, number*tileWidth+int64(i))
		}
	}
	return nil
}
