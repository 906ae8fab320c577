package archive

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// Incarnation summarises a plan's segments of one incarnation of a stream: from one creation to its
// deletion.
type Incarnation struct {
	Stream   string    `json:"stream"`
	Created  time.Time `json:"created"`
	Shards   int       `json:"shards"`
	Segments int       `json:"segments"`
	Events   int64     `json:"events"`
}

// String returns the stream, the time of its creation, and how much the archive has of it.
func (l Incarnation) String() string {
	return fmt.Sprintf("%s, created %s: %d events in %d segments of %d shards", l.Stream, l.Created.Format(time.RFC3339), l.Events, l.Segments, l.Shards)
}

// Incarnations summarises the plan's segments by stream and incarnation, the oldest first.
func (p Plan) Incarnations() []Incarnation {
	found := []Incarnation{}
	seen := map[segment.Source]bool{}
	for _, s := range p.Segments {
		i := slices.IndexFunc(found, func(l Incarnation) bool { return l.Stream == s.Name.Stream && l.Created.Equal(s.Name.Created) })
		if i < 0 {
			i = len(found)
			found = append(found, Incarnation{Stream: s.Name.Stream, Created: s.Name.Created})
		}
		if !seen[s.Name.Source] {
			seen[s.Name.Source] = true
			found[i].Shards++
		}
		found[i].Segments++
		found[i].Events += s.Footer.Rows
	}
	slices.SortFunc(found, func(a, b Incarnation) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), a.Created.Compare(b.Created))
	})
	return found
}

// LaterIncarnation returns one of the newest segments of an incarnation of the stream that was
// created later than the given one; the zero Object if there is none. It takes one listing for each
// day since that creation and root in use.
func LaterIncarnation(ctx context.Context, b bucket.Bucket, stream string, created, now time.Time) (Object, error) {
	const day = 24 * time.Hour
	first := created.UTC().Truncate(day)
	roots, err := rootsInUse(ctx, b)
	if err != nil {
		return Object{}, err
	}
	for date := now.Add(day).UTC().Truncate(day); !date.Before(first); date = date.Add(-day) {
		found, err := laterOnDay(ctx, b, roots, stream, created, date)
		if err != nil || found.Key != "" {
			return found, err
		}
	}
	return Object{}, nil
}

// laterOnDay returns what LaterIncarnation does, of one day.
func laterOnDay(ctx context.Context, b bucket.Bucket, roots []string, stream string, created, day time.Time) (found Object, err error) {
	for _, root := range roots {
		prefix := root + segment.DayPrefix(day) + stream + "-"
		// Creation times have the same number of digits until 2286, so keys sort by them; "0" is
		// the character after the slash.
		page, err := b.List(ctx, prefix, prefix+strconv.FormatInt(created.Unix(), 10)+"0")
		if err != nil {
			return Object{}, fmt.Errorf("archive: list %s: %w", prefix, err)
		}
		for _, info := range page.Objects {
			name, err := segment.ParseKey(info.Key)
			if err == nil && name.Stream == stream && name.Created.After(created) {
				found = Object{Key: info.Key, Name: name, Size: info.Size}
			}
		}
	}
	return found, nil
}
