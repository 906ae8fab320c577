package curve

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestADrawingHasItsWords(t *testing.T) {
	c := Curve{Name: "shards", Title: "Commands a second", X: "shards", At: []string{"1", "2"}, Lines: []Line{{"spread", []float64{1000, 3000}}, {"bulk", []float64{5000, 9000}}}}
	svg, err := c.SVG()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", c.Title, ">shards<", ">spread<", ">bulk<"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("no %q in %.400s", want, svg)
		}
	}
	decoder := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	c.Lines[1].Values = c.Lines[1].Values[:1]
	if _, err := c.SVG(); err == nil || !strings.Contains(err.Error(), "bulk has 1 values for 2 points") {
		t.Errorf("a line without all its points: %v", err)
	}
	if _, err := (Curve{}).SVG(); err == nil {
		t.Error("a drawing without points")
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[int]string{10: "10", 1000: "1k", 1500: "1.5k", 1234: "1234", 100_000: "100k", 1_700_000: "1.7M"} {
		if got := Size(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
}
