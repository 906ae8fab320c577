package embedded

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// markerPrefix begins the name of the empty file whose name tells which manifest of Pebble is
// current.
const markerPrefix = "marker."

// ordered is a file system on which a marker never survives a power cut without the manifest that
// it names. Pebble creates a manifest, then its marker, and syncs the directory once for both.
// POSIX lets a power cut keep the second entry and lose the first, and then the database cannot be
// opened. The order costs one sync of the directory for each manifest.
type ordered struct{ vfs.FS }

// Create makes the entries of the directory durable before it adds a marker.
func (o ordered) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasPrefix(o.PathBase(name), markerPrefix) {
		if err := syncDir(o.FS, o.PathDir(name)); err != nil {
			return nil, fmt.Errorf("sync before %s: %w", name, err)
		}
	}
	return o.FS.Create(name, category)
}

// Unwrap returns the file system below.
func (o ordered) Unwrap() vfs.FS { return o.FS }
