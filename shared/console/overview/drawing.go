package overview

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"passbook/shared/console/view"
)

// The measures of the picture: a box, the columns, and the lanes of the stream.
const (
	boxHeight    = 88
	streamX      = 436
	modelX       = 654
	endX         = 872
	streamHeight = 336
	maxLanes     = 8
	laneWidth    = 128
)

// box is a part of the pipeline in the picture, and a row of the list that replaces it where there
// is no room.
type box struct {
	X, Y                   int
	Name, Href, Rate, Note string
	State, Error           string
	Bins                   []float64
	Most                   string
}

// Glyph returns the sign of the state.
func (b box) Glyph() string { return glyph(b.State) }

func glyph(state string) string {
	switch state {
	case "bad":
		return "■"
	case "warn":
		return "▲"
	}
	return "●"
}

// lane is a shard of the stream in the picture.
type lane struct {
	Y, Height, Width  int
	Name, Share, Note string
	State             string
}

// Glyph returns the sign of the state, empty where all is well.
func (l lane) Glyph() string {
	if l.State == "ok" {
		return ""
	}
	return glyph(l.State) + " "
}

// arrow is a flow between two boxes.
type arrow struct {
	Path, Width, Speed string
	Moves              bool
}

// drawing is the picture.
type drawing struct {
	Height int
	Boxes  []box
	Lanes  []lane
	Arrows []arrow
	Stream box
	More   string
}

// draw places everything.
func draw(a answer) drawing {
	d := drawing{}
	rates := map[string]*float64{}
	for _, s := range a.Services {
		rates[s.Name] = s.Rate
		b := boxOf(s, "p99 "+seconds(s.P99))
		b.Href = "/ui/pipeline#services"
		switch s.Name {
		case "withdraw":
			b.Y = 50
		case "credit":
			b.Y = 198
		default:
			b.X, b.Y, b.Href = endX, 62, "/ui/accounts"
		}
		d.Boxes = append(d.Boxes, b)
	}
	journal := boxOf(a.Journal, "commit p99 "+seconds(a.Journal.P99))
	journal.Name, journal.X, journal.Y, journal.Href = "journal", 218, 124, "/ui/pipeline#writers"
	d.Boxes = append(d.Boxes, journal)
	d.connect(152, 94, 218, 158, rates["withdraw"])
	d.connect(152, 242, 218, 178, rates["credit"])
	d.connect(370, 168, streamX, 168, a.Stream.Rate)
	d.lanes(a.Stream)
	d.consumers(a, rates["queries"])
	return d
}

// consumers places the consumers, the live generation of each model, the archive, and what sends
// events to webhooks.
func (d *drawing) consumers(a answer, queries *float64) {
	var models []consumer
	var archiver, webhooks *consumer
	for i, c := range a.Consumers {
		switch {
		case c.Name == "archiver":
			archiver = &a.Consumers[i]
		case c.Name == "webhooks":
			webhooks = &a.Consumers[i]
		case c.Live:
			models = append(models, c)
		}
	}
	slices.SortStableFunc(models, func(x, y consumer) int { return strings.Compare(x.Model, y.Model) })
	y := 0
	place := func(c consumer) {
		b := boxOf(c.flow, "lag "+lag(c.BehindSeconds))
		b.Name, b.X, b.Y, b.Href = c.Model, modelX, y, "/ui/pipeline#"+c.Name
		if len(c.Blocked) > 0 {
			b.Error = fmt.Sprintf("%d in quarantine", len(c.Blocked))
		}
		d.Boxes = append(d.Boxes, b)
		from := min(max(y+60, 60), 276)
		d.connect(588, from, modelX, y+44, c.Rate)
		y += 124
	}
	for i, c := range models {
		place(c)
		d.connect(806, y-124+44, endX, 62+[]int{34, 54, 64, 74}[min(i, 3)], queries)
	}
	if archiver != nil {
		place(*archiver)
		d.archive(a, *archiver, y-124)
	}
	if webhooks != nil {
		place(*webhooks)
		d.Boxes[len(d.Boxes)-1].Href = "/ui/webhooks"
	}
	d.Height = 2 + max(streamHeight, y-124+boxHeight)
}

// archive places the archive behind the archiver.
func (d *drawing) archive(a answer, archiver consumer, y int) {
	note := "complete to –"
	if to := a.Archive.CompleteTo; to != nil && len(*to) >= len("2006-01-02T15:04:05") {
		note = "complete to " + (*to)[11:19]
	}
	b := boxOf(a.Archive.flow, note)
	b.Name, b.X, b.Y, b.Href = "archive", endX, y, "/ui/archive"
	d.Boxes = append(d.Boxes, b)
	d.connect(806, y+44, endX, y+44, archiver.Rate)
}

// lanes places the shards that take records; the closed ones are on the page Pipeline.
func (d *drawing) lanes(s stream) {
	open := slices.DeleteFunc(slices.Clone(s.Shards), func(one shard) bool { return one.Closed })
	d.Stream = boxOf(s.flow, plural(len(open), "shard"))
	d.Stream.Name, d.Stream.Href = "stream", "/ui/pipeline#shards"
	shown := min(len(open), maxLanes)
	if len(open) > shown {
		d.More = fmt.Sprintf("+ %d more", len(open)-shown)
	}
	if shown == 0 {
		return
	}
	pitch := 292 / max(shown, 4)
	for i, one := range open[:shown] {
		l := lane{Y: 38 + i*pitch, Height: pitch - 17, Name: number(one.ID), Share: "–", Note: rate(one.Rate), State: "ok"}
		if shown > 4 { // too low for a second line
			l.Height = pitch - 6
		}
		if one.Share != nil {
			l.Width, l.Share = int(*one.Share*laneWidth), fmt.Sprintf("%.0f %%", *one.Share*100)
		}
		if one.BehindSeconds >= 5 {
			l.State, l.Note = "warn", "lag "+lag(one.BehindSeconds)
		}
		d.Lanes = append(d.Lanes, l)
	}
}

// connect draws a flow.
func (d *drawing) connect(x1, y1, x2, y2 int, rate *float64) {
	a := arrow{Path: fmt.Sprintf("M%d %d C%d %d %d %d %d %d", x1, y1, x1+33, y1, x2-33, y2, x2, y2), Width: "1.5"}
	switch {
	case rate == nil || *rate <= 0:
	case *rate < 1:
		a.Width, a.Speed, a.Moves = "2", "slow", true
	case *rate < 10:
		a.Width, a.Speed, a.Moves = "2", "steady", true
	case *rate < 1000:
		a.Width, a.Speed, a.Moves = "3", "", true
	default:
		a.Width, a.Speed, a.Moves = "4", "fast", true
	}
	d.Arrows = append(d.Arrows, a)
}

// boxOf returns a box of a flow, which has no place yet.
func boxOf(f flow, note string) box {
	b := box{Name: f.Name, Rate: rate(f.Rate), Note: note, State: f.State, Bins: bins(f.History), Most: most(f.History)}
	if f.LastError != nil && f.State != "ok" {
		b.Error = f.LastError.What
	}
	return b
}

// bins returns a history as a sparkline wants it: negative where nothing is known.
func bins(history []*float64) []float64 {
	list := make([]float64, len(history))
	for i, bin := range history {
		list[i] = -1
		if bin != nil {
			list[i] = *bin
		}
	}
	return list
}

// most returns the greatest number of a history, "–" for none.
func most(history []*float64) string {
	var greatest *float64
	for _, bin := range history {
		if bin != nil && (greatest == nil || *bin > *greatest) {
			greatest = bin
		}
	}
	return rate(greatest)
}

// rate returns a number a second for people.
func rate(perSecond *float64) string {
	switch {
	case perSecond == nil:
		return "–"
	case *perSecond == 0:
		return "0/s"
	case *perSecond < 10:
		return fmt.Sprintf("%.1f/s", *perSecond)
	}
	return view.Count(int64(*perSecond+.5)) + "/s"
}

// seconds returns a latency for people.
func seconds(s *float64) string {
	switch {
	case s == nil:
		return "–"
	case *s < .01:
		return fmt.Sprintf("%.1f ms", *s*1000)
	case *s < 1:
		return fmt.Sprintf("%.0f ms", *s*1000)
	}
	return fmt.Sprintf("%.1f s", *s)
}

func lag(s float64) string {
	if s < 10 {
		return fmt.Sprintf("%.1f s", s)
	}
	return view.Count(int64(s)) + " s"
}

// number returns a shard's number without the words and zeros before it.
func number(id string) string {
	n := strings.TrimLeft(strings.TrimPrefix(id, "shardId-"), "0")
	if n == "" {
		return "0"
	}
	return n
}

func plural(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// hashes returns a picture of the range of hash keys of a shard, of the whole of 128 bits.
func hashes(s shard) template.HTML {
	at := func(hash string) float64 {
		var top uint64
		if len(hash) >= 8 {
			_, _ = fmt.Sscanf(hash[:8], "%08x", &top) // the API sends 32 hexadecimal digits
		}
		return 1000 * float64(top) / (1 << 32)
	}
	from, to := at(s.FirstHash), at(s.LastHash)
	return template.HTML(fmt.Sprintf( //nolint:gosec // numbers
		`<svg class="share" viewBox="0 0 1000 8" width="100%%" height="8" preserveAspectRatio="none" aria-hidden="true"><rect class="frame" width="1000" height="8"/><rect class="drawn" x="%.1f" width="%.1f" height="8"/></svg>`, from, max(to-from, 4)))
}
