package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A condition that lasts an hour, at ten lines a second, is logged about twenty times, and every
// line is counted. Other conditions and lines below a warning are logged at once, and so is the
// same condition after a long silence.
func TestALastingConditionIsLoggedAtGrowingIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log, err := NewLogger(&out, LogOptions{})
		if err != nil {
			t.Fatal(err)
		}
		log = log.With("consumer", "archiver")
		for i := range 36_000 {
			log.Warn("upload failed", "shard", "s-1", "attempt", i, "error", errors.New(fmt.Sprint("full ", i)))
			time.Sleep(100 * time.Millisecond)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) < 15 || len(lines) > 25 {
			t.Errorf("%d lines", len(lines))
		}
		omitted, logged := 0, len(lines)
		for _, line := range lines {
			n := 0
			if _, text, ok := strings.Cut(line, "omitted="); ok {
				if _, err := fmt.Sscan(text, &n); err != nil {
					t.Fatal(err)
				}
			}
			omitted += n
		}
		out.Reset()
		log.Warn("upload failed", "shard", "s-2", "attempt", 1, "error", "full")
		log.With("x", "y").Warn("upload failed", "shard", "s-1", "attempt", 1, "error", "full")
		for range 3 {
			log.Info("sealed", "shard", "s-1")
		}
		if n := strings.Count(out.String(), "\n"); n != 5 {
			t.Errorf("%d lines of other things, want 5", n)
		}
		time.Sleep(time.Hour)
		out.Reset()
		log.Warn("upload failed", "shard", "s-1", "attempt", 1, "error", "full")
		last := 0
		if _, text, ok := strings.Cut(out.String(), "omitted="); ok {
			fmt.Sscan(text, &last)
		}
		if !strings.Contains(out.String(), "upload failed") || omitted+last+logged != 36_000 {
			t.Errorf("logged %q; %d logged, %d and %d omitted of 36000", out.String(), logged, omitted, last)
		}
	})
}
