package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// RetirementRoot begins the keys of retirements.
const RetirementRoot = "retired/v1/"

// Retirement records that a damaged or missing segment is no longer needed: other segments have
// every entry that it can have had. It is an object beside the segments, since nothing in an
// archive is changed or deleted.
type Retirement struct {
	// Key is that of the retired segment.
	Key string `json:"retired"`
	// AfterKey and AfterLast are the readable segment before what is retired; Last is the last
	// sequence number of what is retired.
	AfterKey  string `json:"after,omitempty"`
	AfterLast string `json:"after_last_sequence,omitempty"`
	Last      string `json:"last_sequence"`
	// Markers are the checksums in the end markers that no segment needs to match any more.
	Markers []string `json:"void_markers,omitempty"`
	// Replacing are the segments that have the entries.
	Replacing []Replacement `json:"replaced_by,omitempty"`
}

// Replacement is a segment with entries of a retired one. Sum, the checksum of its footer,
// identifies its content.
type Replacement struct {
	Key     string         `json:"segment"`
	Sum     string         `json:"footer_sum"`
	Entries []RetiredEntry `json:"entries"`
}

// RetiredEntry identifies an entry and its content.
type RetiredEntry struct {
	Tenant    string `json:"tenant"`
	AccountID string `json:"account"`
	Version   int64  `json:"version"`
	Hash      string `json:"hash"`
}

// Compare orders entries by account and version.
func (e RetiredEntry) Compare(o RetiredEntry) int {
	return cmp.Or(cmp.Compare(e.Tenant, o.Tenant), cmp.Compare(e.AccountID, o.AccountID), cmp.Compare(e.Version, o.Version), cmp.Compare(e.Hash, o.Hash))
}

// RetiredEntryOf returns the RetiredEntry of an entry.
func RetiredEntryOf(e *event.Entry) RetiredEntry {
	return RetiredEntry{Tenant: e.Tenant, AccountID: e.AccountID, Version: e.First, Hash: e.Hash.String()}
}

// NewRetirement begins the retirement of a segment, given all gaps that have its key. ok is false
// if the end of a gap is unknown.
func NewRetirement(ctx context.Context, b bucket.Bucket, gaps []Gap) (r Retirement, ok bool, err error) {
	r.Key, r.AfterKey, r.AfterLast = gaps[0].Key, gaps[0].After.Key, gaps[0].After.Last
	for _, g := range gaps {
		if g.Last == "" {
			return r, false, nil
		}
		if isAfter(r.AfterLast, g.After.Last) {
			r.AfterKey, r.AfterLast = g.After.Key, g.After.Last
		}
		if isAfter(g.Last, r.Last) {
			r.Last = g.Last
		}
	}
	markers, err := EndMarkersAfter(ctx, b, gaps[0].Source, r.AfterLast)
	for _, m := range markers {
		if !isAfter(m.Last, r.Last) {
			r.Markers = append(r.Markers, m.Sum.String())
		}
	}
	return r, true, err
}

// Replace adds a replacing segment and the entries that it has.
func (r *Retirement) Replace(s *Planned, entries []RetiredEntry) {
	r.Replacing = append(r.Replacing, Replacement{Key: s.Key, Sum: s.Footer.Sum.String(), Entries: entries})
}

// Write puts the retirement into the bucket and returns its key. A retirement that exists already
// is the same, since its checksum is in the key.
func (r *Retirement) Write(ctx context.Context, b bucket.Bucket) (key string, err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("archive: retire %s: %w", r.Key, err)
	}
	key = retiredKey(r.Key, text)
	err = b.Create(ctx, key, text)
	if err != nil && !errors.Is(err, bucket.ErrExists) {
		return "", fmt.Errorf("archive: retire %s: %w", r.Key, err)
	}
	return key, nil
}

func retiredKey(key string, text []byte) string {
	return RetirementRoot + key + "/" + event.Hash(sha256.Sum256(text)).String() + ".json"
}

// Verify reads the replacing segments whole. wrong tells why the retirement is not valid; "" means
// that it is.
func (r *Retirement) Verify(ctx context.Context, b bucket.Bucket) (wrong string, err error) {
	for _, by := range r.Replacing {
		s, err := segment.Open(ctx, b, by.Key)
		switch {
		case segment.Unusable(err):
			return err.Error(), nil
		case err != nil:
			return "", err
		case s.Footer.Sum.String() != by.Sum:
			return by.Key + " has another checksum than when it replaced the segment", nil
		}
		wrong, err := by.missingEntry(ctx, s)
		if wrong != "" || err != nil {
			return wrong, err
		}
	}
	return "", nil
}

// missingEntry returns a text about an entry that the segment lacks; "" if it has all.
func (by *Replacement) missingEntry(ctx context.Context, s *segment.Segment) (string, error) {
	want := make(map[RetiredEntry]bool, len(by.Entries))
	for _, e := range by.Entries {
		want[e] = true
	}
	for rec, err := range s.Records(segment.Exact) {
		var entry *segment.EntryError
		switch {
		case errors.As(err, &entry):
			continue
		case err != nil:
			return err.Error(), nil
		case ctx.Err() != nil:
			return "", ctx.Err()
		}
		delete(want, RetiredEntryOf(rec.Entry))
	}
	for _, e := range by.Entries {
		if want[e] {
			return fmt.Sprintf("%s lacks %s/%s v%d", by.Key, e.Tenant, e.AccountID, e.Version), nil
		}
	}
	return "", nil
}

// retirements are those of an archive: the valid ones by source, and why others are not valid, by
// the segment's key.
type retirements struct {
	of     map[segment.Source][]Retirement
	broken map[string]string
}

// loadRetired reads and verifies the retirements. Usually there are none, which takes one listing.
func loadRetired(ctx context.Context, b bucket.Bucket, stray func(key, what string)) (retirements, error) {
	found := retirements{of: map[segment.Source][]Retirement{}, broken: map[string]string{}}
	for info, err := range objects(ctx, b, RetirementRoot) {
		if err != nil {
			return found, err
		}
		key, _ := strings.CutPrefix(info.Key, RetirementRoot)
		key = key[:max(0, strings.LastIndexByte(key, '/'))]
		name, err := segment.ParseKey(key)
		if err != nil {
			stray(info.Key, "not the key of a retirement")
			continue
		}
		r, wrong, err := readRetired(ctx, b, info.Key)
		switch {
		case err != nil:
			return found, err
		case wrong == "":
			found.of[name.Source] = append(found.of[name.Source], r)
		default:
			found.broken[segment.ChainName(key)] = wrong
		}
	}
	return found, nil
}

// readRetired reads a retirement and verifies it. wrong tells why it is not valid; "" means that it
// is.
func readRetired(ctx context.Context, b bucket.Bucket, key string) (r Retirement, wrong string, err error) {
	text, err := segment.ReadObject(ctx, b, key)
	if segment.Unusable(err) {
		return r, err.Error(), nil
	}
	if err != nil {
		return r, "", err
	}
	err = json.Unmarshal(text, &r)
	if err != nil || retiredKey(r.Key, text) != key {
		return r, key + " was changed after it was written", nil
	}
	wrong, err = r.Verify(ctx, b)
	return r, wrong, err
}

// contains reports whether a segment is retired.
func (t retirements) contains(source segment.Source, key string) bool {
	return slices.ContainsFunc(t.of[source], func(r Retirement) bool { return segment.ChainName(r.Key) == segment.ChainName(key) })
}

// containsSequence reports whether a sequence number is in a retired range.
func (t retirements) containsSequence(source segment.Source, sequence string) bool {
	return slices.ContainsFunc(t.of[source], func(r Retirement) bool { return isAfter(sequence, r.AfterLast) && !isAfter(sequence, r.Last) })
}

// containsGap reports whether a gap is retired completely.
func (t retirements) containsGap(g Gap) bool {
	return g.Last != "" && slices.ContainsFunc(t.of[g.Source], func(r Retirement) bool {
		return !isAfter(r.AfterLast, g.After.Last) && !isAfter(g.Last, r.Last)
	})
}

// withoutRetired removes the gaps that are retired. To a gap whose retirement is not valid it adds
// why.
func (t retirements) withoutRetired(gaps []Gap) []Gap {
	gaps = slices.DeleteFunc(gaps, t.containsGap)
	for i, g := range gaps {
		if wrong := t.broken[segment.ChainName(g.Key)]; wrong != "" {
			gaps[i].What += "; its retirement is not valid: " + wrong
		}
	}
	return gaps
}

// last returns the greatest retired sequence number of a source, or the given one if that is
// greater.
func (t retirements) last(source segment.Source, last string) string {
	for _, r := range t.of[source] {
		if isAfter(r.Last, last) {
			last = r.Last
		}
	}
	return last
}

// keys returns the keys of the retired segments.
func (t retirements) keys() (keys []string) {
	for _, of := range t.of {
		for _, r := range of {
			keys = append(keys, r.Key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
