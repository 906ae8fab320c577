package operations

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
	"passbook/shared/opsread"
)

// The days of the heat map, on wide, middle and narrow screens.
const wideDays, middleDays, narrowDays = 90, 52, 24

// archivePage is the archive, and one day of it.
type archivePage struct {
	opsread.Archive
	Wide, Middle, Narrow template.HTML
	// Day is the one that is looked at, empty for none.
	Day      string
	Segments opsread.SegmentPage
	Totals   opsread.DayTotals
	// NextPage is the address of the next page of segments.
	NextPage    string
	SQL         string
	MayDownload bool
	// Wrong says that Day is none.
	Wrong bool
	// Failure, SegmentsFailure and TotalsFailure stand in the place of what could not be had.
	Failure, SegmentsFailure, TotalsFailure *client.Problem
}

// Late returns how long ago the archive was complete.
func (a archivePage) Late() string { return view.Age(a.CompleteUpTo.Time) }

// archive shows how far the archive goes, its days, and one of them.
func (p *Pages) archive(r *view.Request) (view.Page, error) {
	data := archivePage{Day: r.QueryParam("day"), MayDownload: r.May(access.PIIRead)}
	source := fmt.Sprint("/v1/ops/archive?days=", wideDays)
	_, err := r.API.Get(r.Ctx(), source, &data.Archive)
	data.Failure = p.kit.Failed(r.Ctx(), err)
	if err == nil {
		if data.Day == "" && len(data.Days) > 0 {
			data.Day = data.Days[0].Day
		}
		data.Wide, data.Middle, data.Narrow = heat(data.Archive, wideDays, data.Day), heat(data.Archive, middleDays, data.Day), heat(data.Archive, narrowDays, data.Day)
	}
	if data.Failure == nil && data.Day != "" {
		p.archiveDay(r, &data)
	}
	return view.Page{Title: "Archive", Section: "Archive", Templates: templates, Name: "archive", Data: data, Source: source}, nil
}

// archiveDay adds the segments and the totals of a day.
func (p *Pages) archiveDay(r *view.Request, data *archivePage) {
	q := url.Values{"day": {data.Day}, "limit": {"50"}}
	if cursor := r.QueryParam("cursor"); cursor != "" {
		q.Set("cursor", cursor)
	}
	_, err := r.API.Get(r.Ctx(), "/v1/ops/archive/segments?"+q.Encode(), &data.Segments)
	if data.SegmentsFailure = p.kit.Failed(r.Ctx(), err); data.SegmentsFailure != nil && data.SegmentsFailure.Status == http.StatusBadRequest {
		data.Wrong = true
		return // the totals of no day would be refused likewise
	}
	if data.Segments.NextCursor != "" {
		data.NextPage = "/ui/archive?" + url.Values{"day": {data.Day}, "cursor": {data.Segments.NextCursor}}.Encode()
	}
	_, err = r.API.Get(r.Ctx(), "/v1/ops/archive/totals?day="+url.QueryEscape(data.Day), &data.Totals)
	data.TotalsFailure = p.kit.Failed(r.Ctx(), err)
	data.SQL = dayInSQL(place(r), data.Day)
}

// place returns where SQL engines find the archive; the word ARCHIVE where that is not known.
func place(r *view.Request) string {
	var s opsread.Settings
	if _, err := r.API.Get(r.Ctx(), "/v1/ops/settings", &s); err != nil {
		return "ARCHIVE" // the word of docs/archive-sql.md
	}
	values := map[string]string{}
	for _, one := range s.Settings {
		values[one.Flag] = one.Value
	}
	if values["store"] == "aws" {
		return "s3://" + values["bucket"]
	}
	return values["data"] + "/archive"
}

// dayInSQL returns a query of DuckDB for what a day's archived events add up to.
func dayInSQL(archive, day string) string {
	return strings.NewReplacer("ARCHIVE", strings.ReplaceAll(archive, "'", "''"), "DAY", day).Replace(`select currency, count(*) as events, count(distinct (tenant, account_id)) as accounts,
  coalesce(sum(delta) filter (where delta > 0), 0) as money_in, -coalesce(sum(delta) filter (where delta < 0), 0) as money_out
from (
  select distinct on (tenant, account_id, version) *
  from read_parquet('ARCHIVE/events/v2/date=DAY/*/*/*.parquet')
)
group by currency order by currency;`)
}

// The places in the heat map: the width and height of a cell, the distance to the next, and the
// room for names at the left and above.
const (
	cellWidth, cellHeight = 9.0, 14.0
	cellRight, cellDown   = 10.0, 16.0
	namesLeft, namesAbove = 76.0, 18.0
)

// heat returns the heat map of the newest days: a row for each shard, a column for each day. It is
// never scaled, so that its texts keep their size.
func heat(a opsread.Archive, days int, selected string) template.HTML {
	rows, most := map[string]int64{}, int64(0)
	shards := map[string]bool{}
	for _, d := range a.Days {
		for _, s := range d.Shards {
			rows[d.Day+s.Shard] = s.Rows
			shards[s.Shard], most = true, max(most, s.Rows)
		}
	}
	names := slices.SortedFunc(maps.Keys(shards), cmp.Compare[string])
	last := time.Now().UTC().Truncate(24 * time.Hour)
	if len(a.Days) > 0 {
		if newest, err := time.Parse(time.DateOnly, a.Days[0].Day); err == nil && newest.After(last) {
			last = newest
		}
	}
	if len(names) == 0 {
		return ""
	}
	width, height := namesLeft+float64(days)*cellRight, namesAbove+float64(len(names))*cellDown
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="heat" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="group" aria-label="Rows of each day and shard">`, width, height, width, height)
	for i, name := range names {
		fmt.Fprintf(&b, `<text class="second" x="0" y="%.1f" font-size="12">%s</text>`, namesAbove+float64(i)*cellDown+11, template.HTMLEscapeString(shortShard(name)))
	}
	for n := range days {
		at := last.AddDate(0, 0, n+1-days)
		day, x := at.Format(time.DateOnly), namesLeft+float64(n)*cellRight
		if at.Day() == 1 || n == 0 && at.Day() < 24 {
			fmt.Fprintf(&b, `<text class="second" x="%.1f" y="11" font-size="12">%s</text>`, x, at.Format("Jan"))
		}
		heatDay(&b, day, x, selected == day, func(draw func(y float64, level int, title string)) {
			for i, name := range names {
				n, archived := rows[day+name]
				title := fmt.Sprintf("%s %s: %s rows", day, shortShard(name), view.Count(n))
				if !archived {
					title = fmt.Sprintf("%s %s: nothing archived", day, shortShard(name))
				}
				draw(namesAbove+float64(i)*cellDown, level(n, most), title)
			}
		})
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // names are escaped, all else is numbers and dates
}

// heatDay draws the column of a day, which leads to it.
func heatDay(b *strings.Builder, day string, x float64, selected bool, cells func(draw func(y float64, level int, title string))) {
	class := ""
	if selected {
		class = ` class="on" aria-current="true"`
	}
	fmt.Fprintf(b, `<a href="/ui/archive?day=%s"%s aria-label="%s">`, day, class, day)
	cells(func(y float64, level int, title string) {
		fmt.Fprintf(b, `<rect class="heat-%d" x="%.1f" y="%.1f" width="%.0f" height="%.0f"><title>%s</title></rect>`, level, x, y, cellWidth, cellHeight, template.HTMLEscapeString(title))
	})
	b.WriteString(`</a>`)
}

// level returns the shade of a number of rows, 0 to 4.
func level(n, most int64) int {
	switch {
	case n == 0:
		return 0
	case most <= 4:
		return 4
	}
	return 1 + int(3*(n-1)/(max(most-1, 1)))
}

// shortShard returns a shard's name without its stream.
func shortShard(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	if number, ok := strings.CutPrefix(name, "shardId-"); ok {
		return "shard " + cmp.Or(strings.TrimLeft(number, "0"), "0")
	}
	return name
}

// download passes a segment on, with the person's own rights.
func (p *Pages) download(r *view.Request) (view.Page, error) {
	key := r.QueryParam("key")
	body, err := r.API.Open(r.Ctx(), "/v1/ops/archive/download?key="+url.QueryEscape(key), nil)
	if err != nil {
		return view.Page{Title: "Download", Section: "Archive"}, err
	}
	defer func() { _ = body.Close() }()
	h := r.Response().Header()
	h.Set("Content-Type", "application/vnd.apache.parquet")
	h.Set("Content-Disposition", `attachment; filename="`+key[strings.LastIndexByte(key, '/')+1:]+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	r.Response().WriteHeader(http.StatusOK)
	if _, err := io.Copy(r.Response(), body); err != nil {
		return view.Page{}, fmt.Errorf("download %s: %w", key, err)
	}
	return view.Page{}, nil
}
