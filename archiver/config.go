package archiver

import (
	"fmt"
	"log/slog"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/segment"
	"passbook/shared/telemetry/trace"
)

// Defaults of Config.
const (
	DefaultSegmentBytes = 64 << 20
	DefaultSegmentRows  = 500_000
	DefaultSegmentAge   = time.Minute
)

// Config configures an Archiver. Bucket is required; zero values take the defaults.
type Config struct {
	Bucket bucket.Bucket
	// Bank is the id of the bank, which segments from format 2 on name.
	Bank string
	// Format returns the format of entries that are written now, which is that of the segments that
	// begin now; nil means 1. It is asked for every record.
	Format func() int
	// SegmentBytes is the size at which a segment is sealed, about (PASSBOOK_SEGMENT_BYTES).
	SegmentBytes int64
	// SegmentRows is the number of events at which a segment is sealed. It bounds the hashes that
	// are kept to drop repeats, 32 bytes each.
	SegmentRows int64
	// SegmentAge is the age of a segment's first record at which it is sealed
	// (PASSBOOK_SEGMENT_AGE).
	SegmentAge time.Duration
	// Sealed is called with each segment that was sealed here and is in the bucket; nil for
	// nothing. It must not keep the data.
	Sealed func(segment.Sealed)
	// Tracer exports spans of entries and of segments; nil exports none.
	Tracer *trace.Tracer
	// Now is the clock for ages; nil means time.Now.
	Now func() time.Time
	// Log gets losses and skipped records; nil means slog.Default.
	Log *slog.Logger
}

// Validate returns an error that names a field that is out of range.
func (c Config) Validate() error {
	switch {
	case c.Bucket == nil:
		return fmt.Errorf("archiver: Bucket is missing")
	case c.SegmentBytes < 0:
		return fmt.Errorf("archiver: SegmentBytes is %d, want more than 0", c.SegmentBytes)
	case c.SegmentRows < 0:
		return fmt.Errorf("archiver: SegmentRows is %d, want more than 0", c.SegmentRows)
	case c.SegmentAge < 0:
		return fmt.Errorf("archiver: SegmentAge is %s, want more than 0", c.SegmentAge)
	}
	return nil
}

func (c *Config) complete() {
	if c.Format == nil {
		c.Format = func() int { return 1 }
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = DefaultSegmentBytes
	}
	if c.SegmentRows == 0 {
		c.SegmentRows = DefaultSegmentRows
	}
	if c.SegmentAge == 0 {
		c.SegmentAge = DefaultSegmentAge
	}
	if c.Sealed == nil {
		c.Sealed = func(segment.Sealed) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}
