package curve

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/go-analyze/charts"
)

// The size of a drawing in pixels.
const width, height = 720, 340

// Line is one line of a drawing.
type Line struct {
	Name   string    `json:"name"`
	Values []float64 `json:"values"`
}

// Curve is a drawing: lines over the same points, which are drawn at equal distances.
type Curve struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	X     string   `json:"x"`
	At    []string `json:"at"`
	Lines []Line   `json:"lines"`
}

// Size returns a number as an axis has it: 1k, 10k, 1M.
func Size(n int) string {
	switch {
	case n >= 1_000_000 && n%100_000 == 0:
		return strconv.FormatFloat(float64(n)/1_000_000, 'f', -1, 64) + "M"
	case n >= 1000 && n%100 == 0:
		return strconv.FormatFloat(float64(n)/1000, 'f', -1, 64) + "k"
	}
	return strconv.Itoa(n)
}

// SVG returns the drawing.
func (c Curve) SVG() ([]byte, error) {
	if len(c.Lines) == 0 || len(c.At) == 0 {
		return nil, fmt.Errorf("draw %s: no points", c.Name)
	}
	var values [][]float64
	var names []string
	for _, line := range c.Lines {
		if len(line.Values) != len(c.At) {
			return nil, fmt.Errorf("draw %s: %s has %d values for %d points", c.Name, line.Name, len(line.Values), len(c.At))
		}
		values, names = append(values, line.Values), append(names, line.Name)
	}
	option := charts.NewLineChartOptionWithData(values)
	option.Title.Text = c.Title
	option.Title.FontStyle.FontSize = 14
	option.XAxis.Labels = c.At
	option.XAxis.Title = c.X
	option.Legend.SeriesNames = names
	option.Legend.Offset = charts.OffsetStr{Top: "24", Left: "12"}
	option.YAxis = []charts.YAxisOption{{Min: charts.Ptr(0.0)}}
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height})
	if err := p.LineChart(option); err != nil {
		return nil, fmt.Errorf("draw %s: %w", c.Name, err)
	}
	svg, err := p.Bytes()
	if err == nil && len(svg) == 0 {
		err = errors.New("the library drew nothing")
	}
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", c.Name, err)
	}
	return svg, nil
}
