package overview

import (
	"strings"
	"testing"
)

func number64(n float64) *float64 { return &n }

// The picture has the places of the design, and flows are as wide and as fast as their rates.
func TestThePictureIsAsDesigned(t *testing.T) {
	a := answer{
		Services: []flow{{Name: "withdraw", State: "ok", Rate: number64(812)}, {Name: "credit", State: "ok", Rate: number64(0)}, {Name: "queries", State: "ok"}},
		Journal:  flow{State: "ok", Rate: number64(1202)}, Stream: stream{flow: flow{State: "ok", Rate: number64(1202)}},
		Consumers: []consumer{
			{flow: flow{Name: "webhooks", State: "ok"}, Model: "webhooks", Live: true},
			{flow: flow{Name: "archiver", State: "ok"}, Model: "archiver", Live: true},
			{flow: flow{Name: "balance@1", State: "bad"}, Model: "balance", Live: true, Blocked: []blocked{{AccountID: "A-77"}}},
			{flow: flow{Name: "balance@2", State: "ok"}, Model: "balance"},
			{flow: flow{Name: "creditlimit@1", State: "ok"}, Model: "creditlimit", Live: true},
		},
	}
	for range 9 {
		a.Stream.Shards = append(a.Stream.Shards, shard{ID: "shardId-000000000007", Share: number64(.5)})
	}
	d := draw(a)
	want := map[string][2]int{
		"withdraw": {0, 50}, "credit": {0, 198}, "journal": {218, 124}, "balance": {654, 0}, "creditlimit": {654, 124},
		"archiver": {654, 248}, "queries": {872, 62}, "archive": {872, 248}, "webhooks": {654, 372},
	}
	for _, b := range d.Boxes {
		if at, is := want[b.Name]; !is || at != [2]int{b.X, b.Y} {
			t.Errorf("%s at %d, %d, not %v", b.Name, b.X, b.Y, at)
		}
		delete(want, b.Name)
		if b.Name == "balance" && (b.Error != "1 in quarantine" || b.Glyph() != "■") {
			t.Errorf("%+v", b)
		}
	}
	if len(want) > 0 || d.Height != 462 {
		t.Errorf("height %d; missing: %v", d.Height, want)
	}
	if len(d.Lanes) != maxLanes || d.More != "+ 1 more" || d.Lanes[0].Name != "7" || d.Lanes[0].Width != laneWidth/2 {
		t.Errorf("%+v %q", d.Lanes, d.More)
	}
	for _, arrow := range d.Arrows {
		switch {
		case strings.HasPrefix(arrow.Path, "M152 94 C185 94 185 158 218 158") && (arrow.Width != "3" || !arrow.Moves):
			t.Errorf("812 a second: %+v", arrow)
		case strings.HasPrefix(arrow.Path, "M152 242") && (arrow.Width != "1.5" || arrow.Moves):
			t.Errorf("nothing: %+v", arrow)
		case strings.HasPrefix(arrow.Path, "M370 168") && (arrow.Width != "4" || arrow.Speed != "fast"):
			t.Errorf("1,202 a second: %+v", arrow)
		}
	}
}
