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

// Incarnation is what a plan has of one life of a stream.
type Incarnation struct {
	Stream   string    `json:"stream"`
	Created  time.Time `json:"created"`
	Shards   int       `json:"shards"`
	Segments int       `json:"segments"`
	Events   int64     `json:"events"`
}

// String names the stream, when it was made, and what is there of it.
func (l Incarnation) String() string {
	return fmt.Sprintf("%s, made %s: %d events in %d segments of %d shards", l.Stream, l.Created.Format(time.RFC3339), l.Events, l.Segments, l.Shards)
}

// Incarnations sums the plan's segments up by stream and life, the oldest first.
func (p Plan) Incarnations() []Incarnation {
	lives := []Incarnation{}
	seen := map[segment.Source]bool{}
	for _, s := range p.Segments {
		i := slices.IndexFunc(lives, func(l Incarnation) bool { return l.Stream == s.Name.Stream && l.Created.Equal(s.Name.Created) })
		if i < 0 {
			i = len(lives)
			lives = append(lives, Incarnation{Stream: s.Name.Stream, Created: s.Name.Created})
		}
		if !seen[s.Name.Source] {
			seen[s.Name.Source] = true
			lives[i].Shards++
		}
		lives[i].Segments++
		lives[i].Events += s.Footer.Rows
	}
	slices.SortFunc(lives, func(a, b Incarnation) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), a.Created.Compare(b.Created))
	})
	return lives
}

// LaterIncarnation finds a segment of a life of the stream that began later than the one given, one
// of its newest; the zero Object where there is none. It makes one listing for each day since then.
func LaterIncarnation(ctx context.Context, b bucket.Bucket, stream string, created, now time.Time) (Object, error) {
	const day = 24 * time.Hour
	first := created.UTC().Truncate(day)
	for date := now.Add(day).UTC().Truncate(day); !date.Before(first); date = date.Add(-day) {
		prefix := segment.DayPrefix(date) + stream + "-"
		// Creations have as many digits until 2286, so that keys sort by them; "0" is what follows
		// a slash.
		page, err := b.List(ctx, prefix, prefix+strconv.FormatInt(created.Unix(), 10)+"0")
		if err != nil {
			return Object{}, fmt.Errorf("archive: list %s: %w", prefix, err)
		}
		var found Object
		for _, info := range page.Objects {
			name, err := segment.ParseKey(info.Key)
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
