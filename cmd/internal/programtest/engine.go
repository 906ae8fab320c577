package programtest

import (
	"passbook/shared/bucket"
	"passbook/shared/platform"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// Share returns an engine as another process would see e: with separate ports, not exclusive, and
// without a watch of the volume. Closing it closes nothing.
func Share(e *platform.Engine, t table.Table, s stream.Stream, b bucket.Bucket) *platform.Engine {
	return &platform.Engine{Table: t, Streams: s, Bucket: b, Keys: e.Keys, Descriptions: e.Descriptions, Place: e.Place, Emulated: e.Emulated, Admin: shared{e.Admin}}
}

// shared is the administration of stores that their owner closes.
type shared struct{ platform.Admin }

// Close implements platform.Admin.
func (shared) Close() error { return nil }
