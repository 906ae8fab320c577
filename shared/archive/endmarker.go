package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// EndMarkerRoots returns what the keys of end markers begin with, for each format of segments one,
// the oldest first.
func EndMarkerRoots() (roots []string) {
	for format := 1; format <= segment.Format; format++ {
		roots = append(roots, endMarkerRoot(format))
	}
	return roots
}

func endMarkerRoot(format int) string { return fmt.Sprintf("ends/v%d/", format) }

// EndMarker records that a source was archived up to the end of a segment, and identifies that
// segment. It follows from the segment alone, so every archiver writes the same one. It outlives
// the segment: without it, the loss of a chain's last segments would leave no trace.
type EndMarker struct {
	// Name is that of the segment.
	Name segment.Name
	// Last is the segment's last sequence number, Sum the checksum of its footer.
	Last string
	Sum  event.Hash
	// At is when its last record arrived, in microseconds since 1970.
	At int64
	// Ended means that the shard was read to its end: no segment follows.
	Ended bool
}

// NewEndMarker returns the end marker of a segment.
func NewEndMarker(name segment.Name, f segment.Footer, ended bool) EndMarker {
	return EndMarker{Name: name, Last: f.Last, Sum: f.Sum, At: f.Arrived.To, Ended: ended}
}

// markerDigits are the lengths into which a key divides its sequence number, so that no directory
// grows without bound. The number in the key falls as sequence numbers rise, so that a source's
// first key is that of its newest marker.
var markerDigits = [...]int{48, 4, 4}

// hashLength is the length of the text of a hash.
var hashLength = len(event.Hash{}.String())

// maxSequence is the greatest sequence number that a key has room for.
var maxSequence = new(big.Int).Sub(new(big.Int).Exp(big.NewInt(10), big.NewInt(segment.SequenceDigits), nil), big.NewInt(1))

// descending returns maxSequence - sequence, padded: greater sequence numbers sort first. It is its
// own inverse, except for the padding.
func descending(sequence string) (string, bool) {
	n, ok := new(big.Int).SetString(sequence, 10)
	if !ok || n.Sign() < 0 || n.Cmp(maxSequence) > 0 {
		return "", false
	}
	return fmt.Sprintf("%0*d", segment.SequenceDigits, n.Sub(maxSequence, n)), true
}

// key returns the marker's key. The key has the whole content, so that a listing is enough to read
// markers.
func (m EndMarker) key() (string, error) {
	digits, ok := descending(m.Last)
	if !ok {
		return "", fmt.Errorf("archive: end marker of %s: sequence number %q", m.Name.Key(), m.Last)
	}
	var key strings.Builder
	key.WriteString(endMarkerRoot(m.Name.Format) + m.Name.Source.String())
	for _, n := range markerDigits {
		key.WriteString("/" + digits[:n])
		digits = digits[n:]
	}
	fmt.Fprintf(&key, "-%s-%s-%s-%d", m.Sum, m.Name.First, m.Name.Date.UTC().Format("20060102"), m.At)
	if m.Ended {
		key.WriteString("-ended")
	}
	return key.String() + ".json", nil
}

// parseEndMarker reads a marker from its key.
func parseEndMarker(key string) (m EndMarker, ok bool) {
	rest, ours := key, false
	for format := 1; format <= segment.Format && !ours; format++ {
		rest, ours = strings.CutPrefix(key, endMarkerRoot(format))
		m.Name.Format = format
	}
	parts := strings.Split(strings.TrimSuffix(rest, ".json"), "/")
	if !ours || len(parts) != 2+len(markerDigits) {
		return m, false
	}
	name := parts[4]
	fixed := markerDigits[2] + 1 + hashLength + 1
	if m.Name.Source, ok = segment.ParseSource(parts[0], parts[1]); !ok || len(name) < fixed {
		return m, false
	}
	last, ok := descending(parts[2] + parts[3] + name[:markerDigits[2]])
	sum, err := event.ParseHash(name[markerDigits[2]+1 : fixed-1])
	if !ok || err != nil {
		return m, false
	}
	m.Sum, m.Last = sum, segment.Unpadded(last)
	said := strings.Split(name[fixed:], "-")
	if len(said) < 3 {
		return m, false
	}
	m.Name.First, m.Ended = said[0], len(said) == 4
	date, wrongDate := time.Parse("20060102", said[1])
	at, wrongAt := strconv.ParseInt(said[2], 10, 64)
	m.Name.Date, m.At = date, at
	again, err := m.key()
	return m, wrongDate == nil && wrongAt == nil && err == nil && again == key
}

// Write puts the marker into the bucket. A marker that exists already is the same one.
func (m EndMarker) Write(ctx context.Context, b bucket.Bucket) error {
	key, err := m.key()
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{
		"segment": m.Name.Key(), "last_sequence": m.Last, "footer_sum": m.Sum.String(), "arrived_to": microTime(m.At), "ended": m.Ended,
	})
	if err == nil {
		err = b.Create(ctx, key, append(text, '\n'))
	}
	if err != nil && !errors.Is(err, bucket.ErrExists) {
		return fmt.Errorf("archive: write end marker: %w", err)
	}
	return nil
}

// EndMarkersAfter returns a source's markers beyond a sequence number, the newest first. Usually
// there are none, which takes a listing for each format.
func EndMarkersAfter(ctx context.Context, b bucket.Bucket, source segment.Source, last string) (beyond []EndMarker, err error) {
	for _, root := range EndMarkerRoots() {
		for info, err := range objects(ctx, b, root+source.String()+"/") {
			if err != nil {
				return nil, err
			}
			m, ok := parseEndMarker(info.Key)
			if ok && !isAfter(m.Last, last) {
				break
			}
			if ok {
				beyond = append(beyond, m)
			}
		}
	}
	slices.SortStableFunc(beyond, newestFirst)
	return beyond, nil
}

// newestFirst orders the end markers of a source.
func newestFirst(a, b EndMarker) int { return -compareSequence(a.Last, b.Last) }

// endMarkers lists all markers by source, the newest first.
func endMarkers(ctx context.Context, b bucket.Bucket, stray func(key string)) (map[segment.Source][]EndMarker, error) {
	found := map[segment.Source][]EndMarker{}
	for _, root := range EndMarkerRoots() {
		for info, err := range objects(ctx, b, root) {
			if err != nil {
				return nil, err
			}
			m, ok := parseEndMarker(info.Key)
			if !ok {
				stray(info.Key)
				continue
			}
			found[m.Name.Source] = append(found[m.Name.Source], m)
		}
	}
	for _, list := range found {
		slices.SortStableFunc(list, newestFirst)
	}
	return found, nil
}
