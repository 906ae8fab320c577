package account

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"passbook/shared/console/view"
	"passbook/shared/money"
)

const (
	// exactTo is the most versions of a window that are drawn one by one, and columns how many
	// points there are of more.
	exactTo, columns = 5000, 1000
	// The drawing is stretched to the width that there is; its height is the chart's.
	width, height = 10_000, 240
	// top and bottom are free, so that half a line or a label is not cut off.
	top, bottom = 10, 10
)

// series is how the account's amounts moved, as the API answers it.
type series struct {
	Version   int64    `json:"version"`
	From      int64    `json:"from_version"`
	To        int64    `json:"to_version"`
	Step      int64    `json:"step"`
	Versions  []int64  `json:"versions"`
	Times     []string `json:"recorded_at"`
	Posted    column   `json:"posted"`
	Available column   `json:"available"`
	Limit     column   `json:"limit"`
}

type column struct {
	Last []int64 `json:"last"`
	Min  []int64 `json:"min"`
	Max  []int64 `json:"max"`
}

// chart is a drawn series.
type chart struct {
	From, To, Step int64
	// At is the version of the marker.
	At       int64
	Head     int64
	Zoomed   bool
	Currency string
	Ticks    []tick
	Labels   []label
	Zero     float64
	Posted   string
	Below    string
	Between  string
	Limit    string
	// Marker is the place of the version that is shown, none outside the window.
	Marker *marker
	Begin  string
	End    string
	Data   string
}

type tick struct {
	Y    float64
	Text string
}

type label struct {
	Y           float64
	Name, Value string
}

type marker struct{ X, Y float64 }

// readChart reads and draws the window of a place, all versions where it names none.
func readChart(r *view.Request, at place, now current, then balance) (*chart, error) {
	from, to := window(at, now.Version)
	points := exactTo
	if to-from >= exactTo {
		points = columns
	}
	var s series
	q := url.Values{"from_version": {strconv.FormatInt(from, 10)}, "to_version": {strconv.FormatInt(to, 10)}, "points": {strconv.Itoa(points)}}
	path := "?" + q.Encode()
	if _, err := r.API.Get(r.Ctx(), at.api("/series"+path), &s); err != nil {
		return nil, err
	}
	c := &chart{
		From: from, To: to, Step: s.Step, At: min(max(then.Version, from), to), Head: now.Version, Zoomed: from > 1 || to < now.Version,
		Currency: now.Currency, Data: at.Path() + "/series.json" + path,
	}
	c.draw(s, then)
	return c, nil
}

// window returns the versions that the chart is of.
func window(at place, head int64) (from, to int64) {
	from, to = 1, head
	if v, err := strconv.ParseInt(at.from, 10, 64); err == nil && v >= 1 && v < head {
		from = v
	}
	if v, err := strconv.ParseInt(at.to, 10, 64); err == nil && v > from && v <= head {
		to = v
	}
	return from, to
}

// draw draws a series: lines in steps, ticks at their left and labels at their right.
func (c *chart) draw(s series, then balance) {
	if len(s.Versions) == 0 {
		return
	}
	low, high := int64(0), int64(0)
	for _, column := range []column{s.Posted, s.Available} {
		for _, values := range [][]int64{column.Last, column.Min, column.Max} {
			for _, v := range values {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	for _, v := range s.Limit.Last {
		low = min(low, -v)
	}
	if high == low {
		high = low + 100
	}
	y := func(v int64) float64 {
		return math.Round(10*(top+(height-top-bottom)*float64(high-v)/float64(high-low))) / 10
	}
	// a point stands over its versions' share of the width
	x := func(version int64) int64 { return width * (version - s.From + 1) / (s.To - s.From + 1) }
	c.Zero = y(0)
	c.Ticks = ticks(low, high, c.Currency, y)
	c.Posted, c.Between = steps(s, s.Posted, x, y), steps(s, s.Available, x, y)
	negative := column{}
	for _, v := range s.Limit.Last {
		negative.Last = append(negative.Last, -v)
	}
	c.Limit = steps(s, negative, x, y)
	c.Below = area(s, x, y)
	last := len(s.Versions) - 1
	c.Labels = labels(c.Currency, y, s.Posted.Last[last], s.Available.Last[last], s.Limit.Last[last])
	c.Begin, c.End = s.Times[0], s.Times[last]
	if then.Version >= s.From && then.Version <= s.To {
		c.Marker = &marker{float64(x(then.Version)), y(then.Posted)}
	}
}

// steps returns the path of a column: step-after, through the extremes of each point.
func steps(s series, c column, x func(int64) int64, y func(int64) float64) string {
	var path strings.Builder
	begin, before := int64(0), math.Inf(1)
	for i, v := range c.Last {
		at := y(v)
		switch {
		case i == 0:
			fmt.Fprintf(&path, "M0 %g", at)
		case at != before:
			fmt.Fprintf(&path, "H%dV%g", begin, at)
		}
		if c.Min != nil && c.Min[i] != c.Max[i] {
			fmt.Fprintf(&path, "H%dV%gV%gV%g", begin, y(c.Max[i]), y(c.Min[i]), at)
		}
		begin, before = x(s.Versions[i]), at
	}
	fmt.Fprintf(&path, "H%d", begin)
	return path.String()
}

// area returns the path of what is below zero.
func area(s series, x func(int64) int64, y func(int64) float64) string {
	var path strings.Builder
	begin, zero := int64(0), y(0)
	for i, v := range s.Posted.Last {
		if s.Posted.Min != nil {
			v = s.Posted.Min[i]
		}
		end := x(s.Versions[i])
		if v < 0 {
			fmt.Fprintf(&path, "M%d %gV%gH%dV%gZ", begin, zero, y(v), end, zero)
		}
		begin = end
	}
	return path.String()
}

// ticks returns at most five round amounts between low and high.
func ticks(low, high int64, currency string, y func(int64) float64) (all []tick) {
	step := roundUp(float64(high-low) / 4)
	for v := int64(math.Ceil(float64(low)/float64(step))) * step; v <= high && len(all) < 6; v += step {
		all = append(all, tick{y(v), tickText(v, currency)})
	}
	return all
}

// roundUp returns the next of 1, 2, 5 times a power of ten.
func roundUp(v float64) int64 {
	power := math.Pow(10, math.Floor(math.Log10(max(v, 1))))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*power >= v {
			return max(int64(m*power), 1)
		}
	}
	return int64(10 * power)
}

// labels returns the names of the lines at their ends, 16 apart at least.
func labels(currency string, y func(int64) float64, posted, available, limit int64) []label {
	all := []label{
		{y(available), "available", labelText(available, currency)},
		{y(posted), "posted", labelText(posted, currency)},
		{y(-limit), "limit", labelText(-limit, currency)},
	}
	if limit == 0 {
		all = all[:2]
	}
	const apart = 16
	for i := range all { // available is at least posted less what is held: keep the order by height
		for j := i; j > 0 && all[j].Y < all[j-1].Y; j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
	for i := 1; i < len(all); i++ {
		all[i].Y = max(all[i].Y, all[i-1].Y+apart)
	}
	for i, most := len(all)-1, float64(height-4); i >= 0; i, most = i-1, most-apart {
		all[i].Y = min(all[i].Y, most)
	}
	return all
}

// Lines returns the drawing itself, which is stretched in width only.
func (c *chart) Lines() template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="lines" viewBox="0 0 %d %d" width="100%%" height="%d" preserveAspectRatio="none" aria-hidden="true">`, width, height, height)
	for _, t := range c.Ticks {
		fmt.Fprintf(&b, `<path class="grid" d="M0 %gH%d"/>`, t.Y, width)
	}
	fmt.Fprintf(&b, `<path class="below" d="%s"/><path class="zero" d="M0 %gH%d"/><path class="limit" d="%s"/><path class="available" d="%s"/><path class="posted" d="%s"/>`,
		c.Below, c.Zero, width, c.Limit, c.Between, c.Posted)
	if m := c.Marker; m != nil {
		fmt.Fprintf(&b, `<path class="marker" d="M%g 0V%d"/><path class="dot" d="M%g %gh.01"/><path class="dot inner" d="M%g %gh.01"/>`, m.X, height, m.X, m.Y, m.X, m.Y)
	}
	b.WriteString(`<rect class="zoom" y="0" height="240" width="0"/></svg>`)
	return template.HTML(b.String()) //nolint:gosec // numbers
}

// Each returns how many versions a tick of the slider is apart, 0 for none.
func (c *chart) Each() []int64 {
	if n := c.To - c.From; n < 1 || n > 200 {
		return nil
	}
	all := make([]int64, 0, c.To-c.From+1)
	for v := c.From; v <= c.To; v++ {
		all = append(all, v)
	}
	return all
}

// units shorten whole amounts that are longer than a label has room for.
var units = []struct {
	size int64
	name string
}{{1_000_000_000_000, "tn"}, {1_000_000_000, "bn"}, {1_000_000, "M"}}

// tickText returns an amount as the axis has room for it: without cents that are none, and above a
// million as 500 M, with as many decimals as it needs, at most three.
func tickText(v int64, currency string) string {
	if text, ok := shortened(v, currency); ok {
		return text
	}
	return strings.TrimSuffix(view.Amount(v, currency), ".00")
}

// labelText returns an amount as the end of a line has room for it.
func labelText(v int64, currency string) string {
	const room = 13
	if text := view.Amount(v, currency); utf8.RuneCountInString(text) <= room {
		return text
	}
	text, _ := shortened(v, currency)
	return text
}

// shortened returns an amount of a million or more in the greatest unit that it reaches, cut off
// after three decimals.
func shortened(v int64, currency string) (string, bool) {
	exponent, _ := money.Exponent(currency)
	whole, sign := v, ""
	if v < 0 {
		whole, sign = -v, "−"
	}
	for range exponent {
		whole /= 10
	}
	for _, unit := range units {
		if whole < unit.size {
			continue
		}
		text := strconv.FormatInt(whole/unit.size, 10)
		if decimals := strings.TrimRight(fmt.Sprintf("%03d", whole%unit.size/(unit.size/1000)), "0"); decimals != "" {
			text += "." + decimals
		}
		return sign + text + " " + unit.name, true
	}
	return "", false
}
