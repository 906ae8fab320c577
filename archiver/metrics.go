package archiver

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/telemetry"
)

// Report registers what the archiver counts. It MUST be called at most once for a registry.
func (a *Archiver) Report(metrics prometheus.Registerer) {
	for _, c := range []struct {
		name, help string
		count      func(Stats) int64
	}{
		{"archive_segments_total", "Segments sealed and uploaded.", func(s Stats) int64 { return s.Segments }},
		{"archive_rows_total", "Rows in the segments that were sealed and uploaded, one for each event.", func(s Stats) int64 { return s.Rows }},
		{"archive_bytes_total", "Bytes of the segments that were sealed and uploaded.", func(s Stats) int64 { return s.Bytes }},
		{"archive_skipped_total", "Records skipped because they hold no entry.", func(s Stats) int64 { return s.Skipped }},
		{"archive_losses_total", "Shards whose newest segments were found lost or damaged.", func(s Stats) int64 { return s.Losses }},
	} {
		telemetry.Counter(metrics, c.name, c.help, func() float64 { return float64(c.count(a.Stats())) })
	}
	telemetry.Gauge(metrics, "archive_open_seconds", "Age of the oldest event that was read and is in no segment yet; 0 for none.",
		func() float64 { return a.openAge().Seconds() })
	telemetry.Gauge(metrics, "archive_segment_age_seconds", "Age at which a segment is sealed.", a.config.SegmentAge.Seconds)
	telemetry.Gauge(metrics, "archive_suspended_shards", "Shards that are not archived until an operator has acted.",
		func() float64 { return float64(a.Stats().Suspended) })
}

// openAge returns the age of the oldest event that is in an open segment, 0 for none.
func (a *Archiver) openAge() (oldest time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.config.Now()
	for s := range a.open {
		if since := s.since.Load(); since != 0 {
			oldest = max(oldest, now.Sub(time.UnixMicro(since)))
		}
	}
	return oldest
}

// noteOpen notes since when the shard has an event that is in no segment.
func (s *shard) noteOpen() {
	if s.segment.Empty() {
		s.since.Store(0)
		return
	}
	s.since.Store(s.segment.Arrived().UnixMicro())
}
