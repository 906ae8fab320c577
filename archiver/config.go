package archiver

import (
	"fmt"
	"log/slog"
	"time"

	"passbook/shared/bucket"
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
	// SegmentBytes seals a segment of about as many bytes (PASSBOOK_SEGMENT_BYTES).
	SegmentBytes int64
	// SegmentRows seals a segment of as many events. It bounds the hashes that are held to drop
	// repeats, 32 bytes each.
	SegmentRows int64
	// SegmentAge seals a segment when its first record arrived as long ago (PASSBOOK_SEGMENT_AGE).
	SegmentAge time.Duration
	// Now is the clock that age is judged by; nil is time.Now.
	Now func() time.Time
	// Log is told of what no retry can mend and of records left out; nil is slog.Default.
	Log *slog.Logger
}

// Validate names the field that is out of range.
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
	if c.SegmentBytes == 0 {
		c.SegmentBytes = DefaultSegmentBytes
	}
	if c.SegmentRows == 0 {
		c.SegmentRows = DefaultSegmentRows
	}
	if c.SegmentAge == 0 {
		c.SegmentAge = DefaultSegmentAge
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}
