package archivelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"passbook/shared/bucket"
)

// ErrTaken means that an object of the log has another content than this bank gives it. No program
// of the bank made it.
var ErrTaken = errors.New("another object has the key")

// publish creates the objects that follow from the row: the tiles that its newest leaves change,
// and last the checkpoint, so that readers of a checkpoint find its leaves. It may be repeated.
func (l *Log) publish(ctx context.Context, bank string, s *state) error {
	if s.published || s.row.size == 0 {
		return nil
	}
	if len(s.row.leaves) > 0 {
		if err := l.publishLeaves(ctx, s); err != nil {
			return err
		}
	}
	is := Checkpoint{Bank: bank, Size: s.row.size, Root: s.row.root, At: s.row.at}
	signed, err := is.sign(s.signer())
	if err != nil {
		return err
	}
	err = create(ctx, l.config.Bucket, checkpointName(is.Size), signed, func(stored []byte) bool {
		has, err := OpenCheckpoint(stored, verifiers(s.keys))
		return err == nil && has.Bank == is.Bank && has.Size == is.Size && has.Root == is.Root
	})
	s.published = err == nil
	return err
}

// publishLeaves creates the tiles with the newest leaves and their hashes.
func (l *Log) publishLeaves(ctx context.Context, s *state) error {
	texts := append(append([]string(nil), s.last...), s.row.leaves...)
	for number := s.row.before / tileWidth; len(texts) > 0; number++ {
		width := min(tileWidth, len(texts))
		data := []byte(strings.Join(texts[:width], "\n") + "\n")
		if err := create(ctx, l.config.Bucket, tileName(entriesRoot, number, width), data, nil); err != nil {
			return err
		}
		texts = texts[width:]
	}
	t := s.before.clone()
	var tiles []tile
	for _, text := range s.row.leaves {
		tiles = append(tiles, t.add([]byte(text))...)
	}
	for _, t := range append(tiles, t.partial()...) {
		if s.before.has(t) {
			continue
		}
		var data []byte
		for _, hash := range t.hashes {
			data = append(data, hash[:]...)
		}
		if err := create(ctx, l.config.Bucket, tileName(hashesRoot(t.level), t.number, len(t.hashes)), data, nil); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a tile was at the edge of the tree already.
func (t *tree) has(is tile) bool {
	return is.level < len(t.edges) && len(t.edges[is.level]) == len(is.hashes) && is.number == t.size>>(tileHeight*(is.level+1))
}

// create creates an object, or compares the one that is there: with the data, or by same.
func create(ctx context.Context, b bucket.Bucket, key string, data []byte, same func(stored []byte) bool) error {
	err := b.Create(ctx, key, data)
	if !errors.Is(err, bucket.ErrExists) {
		return err
	}
	stored, err := readObject(ctx, b, key)
	if err != nil {
		return err
	}
	if bytes.Equal(stored, data) || same != nil && same(stored) {
		return nil
	}
	return fmt.Errorf("%w: no program of this bank made %s; keep a copy of it and remove it", ErrTaken, key)
}
