package stores

import (
	"context"

	"passbook/shared/origin"
)

// CheckRestore checks the stores before the journal is restored, which may be lost, or older than
// the archive: the archive must be of this bank's stream. With tie it ties the archive to the bank.
func (s Set) CheckRestore(ctx context.Context, tie bool) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	o, err := s.ownership(ctx)
	if err == nil {
		err = s.checkForeign(o)
	}
	if err == nil && o.owner == nil {
		_, err = s.ownSegments(ctx)
	}
	if err != nil || !tie {
		return err
	}
	if !o.agreed() {
		err = s.tie(ctx, o, false)
		if err != nil {
			return err
		}
	}
	return s.restoreBank(ctx)
}

// restoreBank brings the bank's row and its data keys up to what the archive knows of them, which
// is more where the tables were restored from an older copy.
func (s Set) restoreBank(ctx context.Context) error {
	bank, err := s.readBank(ctx)
	if err != nil {
		return err
	}
	known, err := origin.Recover(ctx, s.Bucket, s.Keys, bank.ID)
	if err != nil {
		return err
	}
	return origin.Restore(ctx, s.Table, s.Bucket, bank, known)
}
