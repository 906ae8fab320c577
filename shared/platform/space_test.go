package platform

import (
	"errors"
	"testing"
	"time"
)

// A volume has room or has not by its floor, which a small volume has too; it is over by itself a
// little above it.
func TestRoomOfAVolume(t *testing.T) {
	for name, tt := range map[string]struct {
		total, setting, floor Bytes
	}{
		"small":  {24 << 20, 0, 24 << 20 / 10},
		"usual":  {8 << 30, 0, 256 << 20},
		"large":  {1 << 40, 0, 1 << 40 / 50},
		"as set": {1 << 40, 5 << 20, 5 << 20},
	} {
		now, free, fails := time.Unix(1000, 0), tt.floor, error(nil)
		s := &Space{floor: tt.setting, now: func() time.Time { return now }, look: func() (Bytes, Bytes, error) { return free, tt.total, fails }}
		for _, step := range []struct {
			free Bytes
			full bool
		}{{tt.floor, false}, {tt.floor - 1, true}, {tt.floor, true}, {tt.floor + tt.floor/10 + 1, false}, {tt.floor, false}, {0, true}} {
			free = step.free
			now = now.Add(lookEvery)
			if err := s.Check(); (err != nil) != step.full {
				t.Errorf("%s, %v free of %v: %v", name, step.free, tt.total, err)
			}
			if s.Free() != float64(step.free) || s.Floor() != float64(tt.floor) {
				t.Errorf("%s: %v free, floor %v, want %v and %v", name, s.Free(), s.Floor(), step.free, tt.floor)
			}
		}
		free = tt.total
		if s.Check() == nil {
			t.Errorf("%s: looked again at once", name)
		}
		fails = errors.New("no such volume")
		now = now.Add(lookEvery)
		if s.Check() == nil {
			t.Errorf("%s: what was known is forgotten", name)
		}
	}
	if s := newSpace(t.TempDir(), 1); s.Check() != nil || s.Free() <= 0 {
		t.Errorf("a real volume: %v, %v free", s.Check(), s.Free())
	}
}
