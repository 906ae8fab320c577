package progress

import (
	"testing"
	"time"
)

func TestSnapshotGivesTheRateAndTheTimeLeft(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	p := New()
	p.now = func() time.Time { return now }
	p.Begin("read", "events", 100)
	now = now.Add(2 * time.Second)
	p.Add(50)
	if s := p.Snapshot(); s.Rate != 25 || *s.ETASeconds != 2 || s.Done != 50 {
		t.Errorf("%+v", s)
	}
	p.Begin("write", "rows", 1)
	if s := p.Snapshot(); s.Done != 0 || s.Phase != "write" || s.Unit != "rows" {
		t.Errorf("%+v", s)
	}
}

func TestATotalThatIsUnknownGivesNoTimeLeft(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	p := New()
	p.now = func() time.Time { return now }
	p.Begin("read", "events", 0)
	now = now.Add(2 * time.Second)
	p.Add(50)
	if s := p.Snapshot(); s.Rate != 25 || s.ETASeconds != nil {
		t.Errorf("%+v", s)
	}
}

func TestTheRateOfAJobThatHasEndedDoesNotFall(t *testing.T) {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	p := New()
	p.now = func() time.Time { return now }
	p.Begin("read", "events", 100)
	now = now.Add(2 * time.Second)
	p.Add(50)
	p.Stop()
	now = now.Add(time.Hour)
	if s := p.Snapshot(); s.Rate != 25 {
		t.Errorf("%+v", s)
	}
}

func TestANilTrackerIgnoresWhatItIsGiven(t *testing.T) {
	var p *Tracker
	p.Begin("read", "events", 1)
	p.Add(1)
	p.Stop()
	if s := p.Snapshot(); s != (Snapshot{}) {
		t.Errorf("%+v", s)
	}
}
