package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/cmd/bench/curve"
	"passbook/cmd/internal/cli"
)

// TestThePageHasEachDrawing checks that each curve is drawn, and that the page says where other
// work made its height worthless.
func TestThePageHasEachDrawing(t *testing.T) {
	c := curve.Curve{Name: "shards", Title: "Commands a second", X: "shards", Lines: []curve.Line{{Name: "commands/s"}}}
	add(&c, "1", 1000)
	add(&c, "2", 1900)
	for load, busy := range map[float64]bool{0.2: false, 30: true} {
		x := Curves{Out: filepath.Join(t.TempDir(), "curves"), Seconds: 5}
		var out strings.Builder
		if err := x.draw(&cli.Terminal{Out: &out}, []curve.Curve{c}, load); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(x.Out, "README.md"))
		if err != nil || !strings.Contains(string(page), "![Commands a second](shards.svg)") || strings.Contains(string(page), "not their height") != busy {
			t.Errorf("%v\n%s", err, page)
		}
		points, err := os.ReadFile(filepath.Join(x.Out, "curves.json"))
		if err != nil || !strings.Contains(string(points), "1900") {
			t.Errorf("%v\n%s", err, points)
		}
		if svg, err := os.ReadFile(filepath.Join(x.Out, "shards.svg")); err != nil || !strings.Contains(string(svg), "<svg") {
			t.Errorf("%v: %.100s", err, svg)
		}
	}
}
