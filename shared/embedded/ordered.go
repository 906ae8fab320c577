package embedded

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markerPrefix starts the name of an empty file by which Pebble says which manifest is current.
const markerPrefix = "marker."

// ordered is a file system on which a marker never outlives what it names. Pebble makes a manifest,
// then its marker, and syncs the directory once for both; POSIX lets a power cut keep the second
// entry and lose the first, and then the database cannot be opened. File systems that journal their
// entries in order do not do that. Costs one sync of the directory a manifest.
type ordered struct{ vfs.FS }

// Create makes the directory's entries durable before a marker joins them.
func (o ordered) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(o.PathBase(name), markerPrefix) {
		if err := syncDir(o.FS, o.PathDir(name)); err != nil {
			return nil, fmt.Errorf("sync before %s: %w", name, err)
		}
	}
	return o.FS.Create(name, category)
}

// Unwrap is the file system below.
func (o ordered) Unwrap() vfs.FS { return o.FS }
