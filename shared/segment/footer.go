package segment

import (
	"errors"
	"fmt"
	"strconv"

	"passbook/shared/event"
)

// Format is the newest segment format that this program reads, and the one that it writes.
const Format = 1

// Link is the end of a shard's chain: its last segment and that segment's last sequence number. The
// zero Link is that of an empty chain.
type Link struct {
	Key  string
	Last string
}

// String returns the segment and how far it goes.
func (l Link) String() string {
	if l.Key == "" {
		return "nothing"
	}
	return l.Key + " up to " + l.Last
}

// Footer is the metadata of a segment.
type Footer struct {
	Format int
	// Previous is the segment of the same source before this one.
	Previous Link
	// First and Last are the sequence numbers of the first and last record that went into the
	// segment. Last may lie after the last row's, when the last records were repeats.
	First, Last string
	// Rows counts events, Entries the entries that they belong to. Exact repeats are not counted.
	Rows, Entries int64
	// Recorded and Arrived bound the times of the entries, so that a reader of a range of time can
	// leave the segment out.
	Recorded, Arrived Span
	// FirstHash is the hash of the first entry. A writer that finds the segment's name taken
	// compares it with its own.
	FirstHash event.Hash
	// Pages is the SHA-256 of everything between the leading magic and the page indexes, which is
	// all pages of all columns.
	Pages event.Hash
	// Sum is the footer's checksum over its own bytes, which is part of the footer. Two segments
	// with the same Sum have the same content.
	Sum event.Hash
}

// Span is a range of time, both ends included, in microseconds since 1970.
type Span struct{ From, To int64 }

// add widens the span to include a time. first begins the span.
func (s *Span) add(micros int64, first bool) {
	if first {
		*s = Span{From: micros, To: micros}
	}
	s.From, s.To = min(s.From, micros), max(s.To, micros)
}

// metadataPrefix separates the footer's keys from those that other programs may add.
const metadataPrefix = "passbook."

// footerKeys are the footer's keys in order. The checksum follows them in every format: see
// sealFooter.
var footerKeys = []string{
	"format", "previous_key", "previous_last", "first_sequence", "last_sequence", "rows", "entries",
	"recorded_from", "recorded_to", "arrived_from", "arrived_to", "first_hash", "pages_sha256",
}

// values returns the footer's metadata in the order of footerKeys.
func (f Footer) values() []string {
	values := []string{strconv.Itoa(f.Format), f.Previous.Key, f.Previous.Last, f.First, f.Last}
	for _, n := range f.numbers() {
		values = append(values, strconv.FormatInt(*n, 10))
	}
	return append(values, f.FirstHash.String(), f.Pages.String())
}

// numbers returns the numeric fields, in the order of footerKeys from firstNumber on.
func (f *Footer) numbers() []*int64 {
	return []*int64{&f.Rows, &f.Entries, &f.Recorded.From, &f.Recorded.To, &f.Arrived.From, &f.Arrived.To}
}

const firstNumber = 5

// parseFooter reads the metadata through lookup. It checks the form of each value; checkMetadata
// compares them with the rest of the object.
func parseFooter(lookup func(string) (string, bool)) (Footer, error) {
	values := make([]string, len(footerKeys))
	for i, key := range footerKeys {
		value, ok := lookup(metadataPrefix + key)
		if !ok {
			return Footer{}, fmt.Errorf("the footer has no %s", key)
		}
		values[i] = value
		if key == "format" {
			err := checkFormat(value)
			if err != nil {
				return Footer{}, err
			}
		}
	}
	f, err := parseValues(values)
	if err != nil {
		return Footer{}, err
	}
	sum, _ := lookup(sumKey)
	f.Sum, err = event.ParseHash(sum)
	if err != nil {
		return Footer{}, errors.New("the footer's checksum is not a SHA-256")
	}
	return f, nil
}

func checkFormat(value string) error {
	format, err := strconv.Atoi(value)
	if err != nil || format < 1 {
		return fmt.Errorf("the footer has the format %q", value)
	}
	if format > Format {
		return fmt.Errorf("%w: format %d, this program reads up to %d", ErrNewer, format, Format)
	}
	return nil
}

func parseValues(values []string) (f Footer, err error) {
	f.Format, err = strconv.Atoi(values[0])
	if err != nil {
		return f, fmt.Errorf("the footer has the format %q", values[0])
	}
	f.Previous = Link{Key: values[1], Last: values[2]}
	f.First, f.Last = values[3], values[4]
	if !isSequence(f.First) || !isSequence(f.Last) || (f.Previous.Last != "" && !isSequence(f.Previous.Last)) {
		return f, fmt.Errorf("the footer has the sequence numbers %q to %q after %q", f.First, f.Last, f.Previous.Last)
	}
	rest := values[firstNumber:]
	for i, n := range f.numbers() {
		*n, err = strconv.ParseInt(rest[i], 10, 64)
		if err != nil {
			return f, fmt.Errorf("the footer's %s is %q", footerKeys[firstNumber+i], rest[i])
		}
	}
	if f.Entries < 1 || f.Rows < f.Entries {
		return f, fmt.Errorf("the footer counts %d entries of %d rows", f.Entries, f.Rows)
	}
	rest = rest[len(f.numbers()):]
	f.FirstHash, err = event.ParseHash(rest[0])
	if err != nil {
		return f, errors.New("the footer's first_hash is not a SHA-256")
	}
	f.Pages, err = event.ParseHash(rest[1])
	if err != nil {
		return f, errors.New("the footer's pages_sha256 is not a SHA-256")
	}
	return f, nil
}
