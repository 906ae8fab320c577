package archive

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/bucket"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// Object is a segment as a listing shows it.
type Object struct {
	Key  string
	Name segment.Name
	Size int64
}

// List walks all segments in the order of their keys: by format, day, source and sequence number.
// Objects with other keys are skipped. An error is the last.
func List(ctx context.Context, b bucket.Bucket) iter.Seq2[Object, error] {
	return listSegments(ctx, b, segment.Roots(), "", func(string) {})
}

// ListDays walks the segments of some UTC days as List does, one day after another.
func ListDays(ctx context.Context, b bucket.Bucket, days ...time.Time) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for _, day := range days {
			for o, err := range listSegments(ctx, b, segment.Roots(), segment.DayPrefix(day), func(string) {}) {
				if !yield(o, err) || err != nil {
					return
				}
			}
		}
	}
}

// rootsInUse returns the roots under which the archive has objects. A bank that never switched its
// format, or began with the newest, has one, which halves the listings of a search by days.
func rootsInUse(ctx context.Context, b bucket.Bucket) (roots []string, err error) {
	for _, root := range segment.Roots() {
		page, err := b.List(ctx, root, "")
		if err != nil {
			return nil, fmt.Errorf("archive: list %s: %w", root, err)
		}
		if len(page.Objects) > 0 {
			roots = append(roots, root)
		}
	}
	return roots, nil
}

// refuseNewer returns segment.ErrNewer if the archive has segments of a newer format.
func refuseNewer(ctx context.Context, b bucket.Bucket) error {
	page, err := b.List(ctx, segment.AnyRoot, segment.BehindRoots())
	if err != nil {
		return fmt.Errorf("archive: list %s: %w", segment.AnyRoot, err)
	}
	for _, info := range page.Objects {
		if segment.IsNewer(info.Key) {
			return fmt.Errorf("archive: %s: %w: use a newer program", info.Key, segment.ErrNewer)
		}
	}
	return nil
}

// listSegments walks the segments under the roots whose keys continue with a prefix. Other keys are
// given to stray, since programs and consoles leave other objects there.
func listSegments(ctx context.Context, b bucket.Bucket, roots []string, prefix string, stray func(key string)) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for _, root := range roots {
			for info, err := range objects(ctx, b, root+prefix) {
				if err != nil {
					yield(Object{}, err)
					return
				}
				name, err := segment.ParseKey(info.Key)
				if err != nil {
					stray(info.Key)
					continue
				}
				if !yield(Object{Key: info.Key, Name: name, Size: info.Size}, nil) {
					return
				}
			}
		}
	}
}

// objects walks the objects under a prefix in the order of their keys. An error is the last.
func objects(ctx context.Context, b bucket.Bucket, prefix string) iter.Seq2[bucket.Info, error] {
	return func(yield func(bucket.Info, error) bool) {
		for after := ""; ; {
			page, err := b.List(ctx, prefix, after)
			if err != nil {
				yield(bucket.Info{}, fmt.Errorf("archive: list %s: %w", prefix, err))
				return
			}
			for _, info := range page.Objects {
				if !yield(info, nil) {
					return
				}
			}
			after = page.After
			if after == "" {
				return
			}
		}
	}
}

// daysAtOnce is how many days are listed concurrently; a window of days grows to as many.
const daysAtOnce = 32

// Last returns the end of a source's chain: its segment with the greatest sequence number. key is
// empty if there is none. It lists day by day, back from now to the stream's creation, so that an
// active shard costs five listings, two of them of the roots; and in growing windows, so that a
// shard without segments, as after a split, does not take a round trip for each day. It does not
// find segments under days of a wrong clock; LastOfAllDays does.
func Last(ctx context.Context, b bucket.Bucket, source segment.Source, now time.Time) (key string, footer segment.Footer, err error) {
	const day = 24 * time.Hour
	roots, err := rootsInUse(ctx, b)
	if err != nil || len(roots) == 0 {
		return "", segment.Footer{}, err
	}
	date, first := now.Add(day).UTC().Truncate(day), source.Created.UTC().Truncate(day)
	var newest Object
	for wide := 3; !date.Before(first); wide = min(2*wide, daysAtOnce) {
		var window []time.Time
		for ; len(window) < wide && !date.Before(first); date = date.Add(-day) {
			window = append(window, date)
		}
		found, err := newestOfDays(ctx, b, roots, source, window)
		if err != nil {
			return "", segment.Footer{}, err
		}
		before := newest.Key != ""
		newest = later(newest, newestOf(found))
		// Arrival times are approximate: around midnight a later segment may lie on the day before,
		// never on one before that.
		day := slices.IndexFunc(found, func(o Object) bool { return o.Key != "" })
		if before || day >= 0 && day < len(found)-1 {
			break
		}
	}
	return readEnd(ctx, b, newest)
}

// LastOfAllDays returns what Last does, from all days that have segments of any source, for
// archives written with wrong clocks.
func LastOfAllDays(ctx context.Context, b bucket.Bucket, source segment.Source) (key string, footer segment.Footer, err error) {
	days, err := daysInUse(ctx, b)
	if err != nil {
		return "", segment.Footer{}, err
	}
	found, err := newestOfDays(ctx, b, segment.Roots(), source, days)
	if err != nil {
		return "", segment.Footer{}, err
	}
	return readEnd(ctx, b, newestOf(found))
}

// daysInUse lists the days that have segments. After each page it continues with the next day and
// skips the rest of the day before: an archive of many shards has too many segments to list them
// all while a shard waits.
func daysInUse(ctx context.Context, b bucket.Bucket) (days []time.Time, err error) {
	for _, root := range segment.Roots() {
		found, err := daysUnder(ctx, b, root)
		if err != nil {
			return nil, err
		}
		days = append(days, found...)
	}
	slices.SortFunc(days, time.Time.Compare)
	return slices.CompactFunc(days, time.Time.Equal), nil
}

func daysUnder(ctx context.Context, b bucket.Bucket, root string) (days []time.Time, err error) {
	after := ""
	for {
		page, err := b.List(ctx, root, after)
		if err != nil {
			return nil, fmt.Errorf("archive: list days of %s after %q: %w", root, after, err)
		}
		for _, info := range page.Objects {
			name, err := segment.ParseKey(info.Key)
			if err != nil {
				continue
			}
			if len(days) == 0 || !days[len(days)-1].Equal(name.Date) {
				days = append(days, name.Date)
			}
		}
		if page.After == "" {
			return days, nil
		}
		after = page.After
		if len(days) > 0 {
			after = max(after, endOfDay(root, days[len(days)-1]))
		}
	}
}

// endOfDay returns a key that sorts after those of a day and before those of the next: "0" is the
// character after the slash.
func endOfDay(root string, day time.Time) string {
	return root + strings.TrimSuffix(segment.DayPrefix(day), "/") + "0"
}

// readEnd returns the key and the footer of the newest segment, or nothing if there is none.
func readEnd(ctx context.Context, b bucket.Bucket, newest Object) (key string, footer segment.Footer, err error) {
	if newest.Key == "" {
		return "", segment.Footer{}, nil
	}
	footer, err = segment.ReadFooter(ctx, b, newest.Key)
	return newest.Key, footer, err
}

// later returns the one of two segments of a source with the greater sequence number. An Object
// without a key is no segment.
func later(a, b Object) Object {
	if b.Key == "" || a.Key != "" && stream.CompareSequence(a.Name.First, b.Name.First) >= 0 {
		return a
	}
	return b
}

// newestOf returns the one of a source's segments with the greatest sequence number.
func newestOf(objects []Object) (newest Object) {
	for _, object := range objects {
		newest = later(newest, object)
	}
	return newest
}

// newestOfDays returns for each day the source's segment with the greatest sequence number. Its key
// is empty on a day without one.
func newestOfDays(ctx context.Context, b bucket.Bucket, roots []string, source segment.Source, days []time.Time) ([]Object, error) {
	found := make([]Object, len(days))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(daysAtOnce)
	for i, day := range days {
		g.Go(func() error {
			for object, err := range listDay(ctx, b, roots, source, day) {
				if err != nil {
					return err
				}
				found[i] = later(found[i], object)
			}
			return nil
		})
	}
	return found, g.Wait()
}

func listDay(ctx context.Context, b bucket.Bucket, roots []string, source segment.Source, day time.Time) iter.Seq2[Object, error] {
	return listSegments(ctx, b, roots, segment.DayPrefix(day)+source.String()+"/", func(string) {})
}
