package replay_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/replay"
)

// pacedBucket takes a time to open each object, and calls before that.
type pacedBucket struct {
	bucket.Bucket
	opens func()
}

// Open implements bucket.Bucket.
func (b *pacedBucket) Open(ctx context.Context, key string) (bucket.Object, error) {
	b.opens()
	time.Sleep(100 * time.Millisecond)
	return b.Bucket.Open(ctx, key)
}

func TestStatesAt_SaysAfterATenthWhenItEnds(t *testing.T) {
	disk, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e := &env{bucket: disk}
	e.archive(t, "shardId-000000000000", archivetest.Records(archivetest.Bank(6, 20, 1000)), 25)
	synctest.Test(t, func(t *testing.T) {
		p := progress.New()
		var eta float64
		var asked time.Time
		paced := &pacedBucket{disk, func() {
			s := p.Snapshot()
			if s.Total > 0 && s.Done*10 >= s.Total && asked.IsZero() {
				eta, asked = *s.ETASeconds, time.Now()
			}
		}}
		c := replay.StatesConfig{Bucket: paced, Time: archivetest.Start.AddDate(1, 0, 0), Progress: p}
		_, err := replay.StatesAt(t.Context(), c, func(event.Account, account.State) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(asked).Seconds(); asked.IsZero() || math.Abs(eta-took) > took/5 {
			t.Errorf("%.1f s to go after a tenth, and it took %.1f s", eta, took)
		}
	})
}
