package bucket

import "context"

// Removable is a bucket of which objects can be removed, as one of tables that can be made again.
// The archive's is none.
type Removable interface {
	Bucket
	// Remove removes an object. One that is not there is no error.
	Remove(ctx context.Context, key string) error
}
