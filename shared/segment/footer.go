package segment

import (
	"errors"
	"fmt"
	"strconv"

	"passbook/shared/event"
)

// Format is the newest segment format that this program reads and writes. It writes older ones too.
const Format = 2

// Link is the end of a shard's chain: its last segment and that segment's last sequence number. The
// zero Link is that of an empty chain.
type Link struct {
	Key  string
	Last string
	// Sum is the checksum of the segment's footer; zero where it is unknown: in a footer of format
	// 1, and of a segment that cannot be read.
	Sum event.Hash
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
	// Bank is the id of the bank whose entries these are; empty in format 1.
	Bank string
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
	// Root is the Merkle root over the hashes of the entries, in their order (RFC 6962); zero in
	// format 1.
	Root event.Hash
	// Pages is the SHA-256 of everything between the leading magic and the footer: the pages, the
	// filters and the page indexes. In format 1 it ends before the page indexes.
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

// pagesKey is the key of Pages, which is computed after all else.
const pagesKey = metadataPrefix + "pages_sha256"

// field is a value of the footer with its key.
type field struct {
	key  string
	text *string
	int  *int64
	hash *event.Hash
}

// fields returns the footer's fields in order. The checksum follows them in every format: see
// sealFooter.
func (f *Footer) fields() []field {
	fields := []field{
		{key: "previous_key", text: &f.Previous.Key}, {key: "previous_last", text: &f.Previous.Last},
		{key: "first_sequence", text: &f.First}, {key: "last_sequence", text: &f.Last},
		{key: "rows", int: &f.Rows}, {key: "entries", int: &f.Entries},
		{key: "recorded_from", int: &f.Recorded.From}, {key: "recorded_to", int: &f.Recorded.To},
		{key: "arrived_from", int: &f.Arrived.From}, {key: "arrived_to", int: &f.Arrived.To},
		{key: "first_hash", hash: &f.FirstHash}, {key: "pages_sha256", hash: &f.Pages},
	}
	if f.Format >= 2 {
		fields = append(fields,
			field{key: "bank", text: &f.Bank}, field{key: "previous_sum", hash: &f.Previous.Sum}, field{key: "entries_root", hash: &f.Root})
	}
	return fields
}

// value returns the field as the footer has it.
func (f field) value() string {
	switch {
	case f.text != nil:
		return *f.text
	case f.int != nil:
		return strconv.FormatInt(*f.int, 10)
	}
	return f.hash.String()
}

// parse sets the field.
func (f field) parse(value string) (err error) {
	switch {
	case f.text != nil:
		*f.text = value
	case f.int != nil:
		*f.int, err = strconv.ParseInt(value, 10, 64)
	default:
		*f.hash, err = event.ParseHash(value)
	}
	if err != nil {
		return fmt.Errorf("the footer's %s is %q", f.key, value)
	}
	return nil
}

// parseFooter reads the metadata of a segment whose key has a format, through lookup. It checks the
// form of each value; checkMetadata compares them with the rest of the object.
func parseFooter(format int, lookup func(string) (string, bool)) (f Footer, err error) {
	value, _ := lookup(metadataPrefix + "format")
	f.Format, err = parseFormat(value)
	if err != nil {
		return f, err
	}
	if f.Format != format {
		return f, fmt.Errorf("the footer has format %d, the key %d", f.Format, format)
	}
	for _, field := range f.fields() {
		value, ok := lookup(metadataPrefix + field.key)
		if !ok {
			return f, fmt.Errorf("the footer has no %s", field.key)
		}
		err := field.parse(value)
		if err != nil {
			return f, err
		}
	}
	sum, _ := lookup(sumKey)
	f.Sum, err = event.ParseHash(sum)
	if err != nil {
		return f, errors.New("the footer's checksum is not a SHA-256")
	}
	return f, f.check()
}

// check checks the values that the form of a field does not.
func (f *Footer) check() error {
	switch {
	case !isSequence(f.First) || !isSequence(f.Last) || (f.Previous.Last != "" && !isSequence(f.Previous.Last)):
		return fmt.Errorf("the footer has the sequence numbers %q to %q after %q", f.First, f.Last, f.Previous.Last)
	case f.Entries < 1 || f.Rows < f.Entries:
		return fmt.Errorf("the footer counts %d entries of %d rows", f.Entries, f.Rows)
	case f.Format >= 2 && f.Bank == "":
		return errors.New("the footer names no bank")
	}
	return nil
}

func parseFormat(value string) (int, error) {
	format, err := strconv.Atoi(value)
	if err != nil || format < 1 {
		return 0, fmt.Errorf("the footer has the format %q", value)
	}
	if format > Format {
		return 0, fmt.Errorf("%w: format %d, this program reads up to %d", ErrNewer, format, Format)
	}
	return format, nil
}
