package opsread

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/archive"
	"passbook/shared/segment"
	"passbook/shared/stream"
	"passbook/shared/web"
)

// The states of the proof of a segment.
const (
	// Proven: its footer fits the chain of its shard, and end markers prove the end of the chain.
	Proven = "proven"
	// Chained: its footer fits the chain, whose end nothing proves.
	Chained = "chained"
	// Suspect: it is possibly not the segment that was archived.
	Suspect = "suspect"
)

// SegmentPage is a page of the segments of a day, in the order of shards and sequence numbers.
type SegmentPage struct {
	Day      string    `json:"day"`
	Segments []Segment `json:"segments"`
	api.Page
}

// Segment is a segment as its footer describes it.
type Segment struct {
	Key           string   `json:"key"`
	Shard         string   `json:"shard"`
	Format        int      `json:"format"`
	Bytes         int64    `json:"bytes"`
	Rows          int64    `json:"rows"`
	Entries       int64    `json:"entries"`
	FirstSequence string   `json:"first_sequence"`
	LastSequence  string   `json:"last_sequence"`
	RecordedFrom  api.Time `json:"recorded_from"`
	RecordedTo    api.Time `json:"recorded_to"`
	// Proof is Proven, Chained or Suspect; Suspicion says why it is suspect.
	Proof     string `json:"proof"`
	Suspicion string `json:"suspicion,omitempty"`
	// PagesSHA256 is the checksum of the pages, and Root the Merkle root over the hashes of the
	// entries, which format 1 lacks.
	PagesSHA256 string `json:"pages_sha256"`
	Root        string `json:"root,omitempty"`
}

// takeDay takes the parameter day.
func takeDay(q *web.Query) string {
	day := q.String("day", len(time.DateOnly))
	if day == "" {
		q.Missing("day")
	} else if _, err := time.Parse(time.DateOnly, day); err != nil {
		q.FailForm("day", account.FieldSyntax, "a day such as 2026-11-30")
	}
	return day
}

// segments answers with the segments of a day.
func (r *Reads) segments(c echo.Context) error {
	q := web.ParseQuery(c)
	day := takeDay(q)
	query, limit := "ops-segments\n"+day, q.Limit()
	var skip int64
	q.CursorNumbers(query, &skip)
	if err := q.Problem(); err != nil {
		return err
	}
	plan, _, err := r.plan(c.Request().Context())
	if err != nil {
		return err
	}
	of := segmentsOf(plan, day)
	of = of[min(int(skip), len(of)):]
	next := ""
	if len(of) > limit {
		of, next = of[:limit], web.EncodeCursor(query, web.Numbers(skip+int64(limit)))
	}
	return web.ReplyJSON(c, http.StatusOK, SegmentPage{Day: day, Segments: of, Page: api.NextPage(c, next)})
}

// segmentsOf returns the segments of a day in order.
func segmentsOf(plan archive.Plan, day string) []Segment {
	proven := map[segment.Source]bool{}
	for _, e := range plan.Ends {
		proven[e.Source] = e.Proven
	}
	list := []Segment{}
	for _, s := range plan.Segments {
		if dayOf(s) == day {
			list = append(list, segmentOf(s, proven[s.Name.Source]))
		}
	}
	slices.SortFunc(list, func(a, b Segment) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), stream.CompareSequence(a.FirstSequence, b.FirstSequence))
	})
	return list
}

// segmentOf returns a segment as an answer has it.
func segmentOf(s archive.Planned, proven bool) Segment {
	f := s.Footer
	answer := Segment{
		Key: s.Key, Shard: s.Name.Source.String(), Format: f.Format, Bytes: s.Size, Rows: f.Rows, Entries: f.Entries, FirstSequence: f.First, LastSequence: f.Last,
		RecordedFrom: micros(time.UnixMicro(f.Recorded.From)), RecordedTo: micros(time.UnixMicro(f.Recorded.To)),
		Proof: Chained, Suspicion: s.Suspicion, PagesSHA256: f.Pages.String(),
	}
	if f.Format > 1 {
		answer.Root = f.Root.String()
	}
	switch {
	case s.Suspicion != "":
		answer.Proof = Suspect
	case proven:
		answer.Proof = Proven
	}
	return answer
}
