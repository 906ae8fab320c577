package dirbucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"passbook/shared/bucket"
)

// Removable is a Bucket of which objects can be removed.
type Removable struct{ *Bucket }

var _ bucket.Removable = Removable{}

// Remove implements bucket.Removable. After a power cut the object may be there again.
func (r Removable) Remove(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkKey(key); err != nil {
		return err
	}
	if r.readOnly {
		return fmt.Errorf("remove object %s: %w", key, errReadOnly)
	}
	r.paused.RLock()
	defer r.paused.RUnlock()
	err := os.Remove(r.path(key))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove object: %w", err)
	}
	return nil
}
