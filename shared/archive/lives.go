package archive

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"passbook/shared/bucket"
)

// LaterLife finds a segment of a life of the stream that began later than the one given, one of its newest; the zero Object where there
// is none. It makes one listing for each day since then.
func LaterLife(ctx context.Context, b bucket.Bucket, stream string, created, now time.Time) (Object, error) {
	const day = 24 * time.Hour
	first := created.UTC().Truncate(day)
	for date := now.Add(day).UTC().Truncate(day); !date.Before(first); date = date.Add(-day) {
		prefix := datePrefix(date) + stream + "-"
		// Creations have as many digits until 2286, so that keys sort by them; "0" is what follows a slash.
		page, err := b.List(ctx, prefix, prefix+strconv.FormatInt(created.Unix(), 10)+"0")
		if err != nil {
			return Object{}, fmt.Errorf("archive: list %s: %w", prefix, err)
		}
		var found Object
		for _, info := range page.Objects {
			name, err := ParseKey(info.Key)
			if err == nil && name.Stream == stream && name.Created.After(created) {
				found = Object{Key: info.Key, Name: name, Size: info.Size}
			}
		}
		if found.Key != "" {
			return found, nil
		}
	}
	return Object{}, nil
}
