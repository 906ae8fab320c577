package consumer

import (
	"testing"
	"time"
)

// A shard that no worker reads falls behind, whatever distance its last reader reported.
func TestLagGrowsWhileNoWorkerReads(t *testing.T) {
	const lease = 10 * time.Second
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		status ShardStatus
		want   time.Duration
	}{
		"read":                 {ShardStatus{At: now.Add(-4 * time.Second)}, 0},
		"read, and behind":     {ShardStatus{At: now.Add(-4 * time.Second), Behind: time.Minute}, time.Minute},
		"clock ahead":          {ShardStatus{At: now.Add(time.Second), Behind: -1}, 0},
		"not read":             {ShardStatus{At: now.Add(-8 * time.Second)}, 8 * time.Second},
		"not read, and behind": {ShardStatus{At: now.Add(-8 * time.Second), Behind: time.Minute}, 68 * time.Second},
		"read to its end":      {ShardStatus{At: now.Add(-time.Hour), Ended: true}, 0},
		"never read":           {ShardStatus{}, 0},
	} {
		if got := tt.status.Lag(now, lease); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
