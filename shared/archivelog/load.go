package archivelog

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/bucket"
)

// load takes the lease and reads the log; the state is nil while another process holds the lease.
func (l *Log) load(ctx context.Context, bank string) (*state, error) {
	r, err := readRow(ctx, l.rows)
	if err != nil {
		return nil, err
	}
	free := r.rev == 0 || r.owner == l.config.Owner || l.config.Exclusive
	l.watch.Observe(map[string]int64{bank: r.rev}, l.config.Now())
	if !free && l.watch.Silent(bank, l.config.Now()) < silentRounds*l.config.Every {
		return nil, nil
	}
	keys, err := openKeys(ctx, l.config.Bucket, l.config.Keys, bank, true, l.config.Now())
	if err != nil {
		return nil, err
	}
	newest, err := Newest(ctx, l.config.Bucket, verifiers(keys))
	if err != nil {
		return nil, err
	}
	s := &state{row: r, keys: keys, find: newFinder()}
	if newest.Size > r.size { // the row was lost, or is that of a backup
		s.row = row{rev: r.rev, size: newest.Size, before: newest.Size, root: newest.Root, at: newest.At}
	}
	if err := s.read(ctx, l.config.Bucket, r); err != nil {
		return nil, err
	}
	return s, l.renew(ctx, s)
}

// Newest returns the newest checkpoint in the bucket that the bank signed; the zero
// Checkpoint if there is none.
func Newest(ctx context.Context, b bucket.Bucket, keys []note.Verifier) (Checkpoint, error) {
	for stored, err := range Checkpoints(ctx, b, keys) {
		if err != nil {
			return Checkpoint{}, err
		}
		if stored.Err == nil {
			return stored.Checkpoint, nil
		}
	}
	return Checkpoint{}, nil
}

// read reads the leaves from the bucket, and compares them with the row and with that which was
// stored.
func (s *state) read(ctx context.Context, b bucket.Bucket, stored row) error {
	s.tree = &tree{}
	for text, err := range texts(ctx, b, s.row.before) {
		if err != nil {
			return fmt.Errorf("the archive's log cannot be continued: put the object back as it was first written: %w", err)
		}
		if s.tree.size%tileWidth == 0 {
			s.last = nil
		}
		s.add(text)
		s.last = append(s.last, string(text))
		if s.tree.size == stored.size && s.tree.root() != stored.root {
			return fmt.Errorf("%w: the first %d leaves in the bucket are others than the control table has", ErrForked, stored.size)
		}
	}
	if s.tree.size%tileWidth == 0 {
		s.last = nil
	}
	s.before = s.tree.clone()
	for _, text := range s.row.leaves {
		s.add([]byte(text))
	}
	if s.row.size > 0 && s.tree.root() != s.row.root {
		return fmt.Errorf("%w: the %d leaves in the bucket are others than were signed", ErrForked, s.row.size)
	}
	return nil
}

// add adds a leaf that the log has.
func (s *state) add(text []byte) {
	s.tree.add(text)
	if l, err := parseLeaf(text); err == nil {
		s.find.note(l.Key)
	}
}
