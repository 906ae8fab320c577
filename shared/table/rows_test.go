package table

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("down")

// paged answers the pages, by the After that was asked for, and fails for any other.
type paged struct {
	Table
	pages map[string]Page
	asked []string
	wait  time.Duration
}

func (p *paged) page(ctx context.Context, after string) (Page, error) {
	p.asked = append(p.asked, after)
	select {
	case <-time.After(p.wait):
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
	page, ok := p.pages[after]
	if !ok {
		return Page{}, errDown
	}
	return page, nil
}

func (p *paged) Query(ctx context.Context, q Query) (Page, error) { return p.page(ctx, q.After) }
func (p *paged) Scan(ctx context.Context, s Scan) (Page, error)   { return p.page(ctx, s.After) }

func rowsOf(keys ...string) (rows []Row) {
	for _, k := range keys {
		rows = append(rows, Row{Key: Key{PK: k}})
	}
	return rows
}

func TestRowsAndScanRowsFollowEveryPage(t *testing.T) {
	p := &paged{pages: map[string]Page{
		"": {Rows: rowsOf("a", "b"), After: "1"}, "1": {After: "2"}, "2": {Rows: rowsOf("c")},
		"x": {Rows: rowsOf("d"), After: "lost"},
	}}
	for _, tt := range []struct {
		after, want string
		stop        int
		err         error
		asked       []string
	}{
		{"", "abc", 9, nil, []string{"", "1", "2"}},
		{"2", "c", 9, nil, []string{"2"}},
		{"", "a", 1, nil, []string{""}},
		{"x", "d", 9, errDown, []string{"x", "lost"}},
	} {
		query, scan := Rows(t.Context(), p, Query{After: tt.after}), ScanRows(t.Context(), p, Scan{After: tt.after})
		for name, seq := range map[string]func(func(Row, error) bool){"query": query, "scan": scan} {
			for range 2 { // a sequence may be walked again
				p.asked = nil
				got, last := "", error(nil)
				for row, err := range seq {
					if last = err; err == nil {
						got += row.PK
					}
					if len(got) == tt.stop {
						break
					}
				}
				if got != tt.want || !errors.Is(last, tt.err) || !slices.Equal(p.asked, tt.asked) {
					t.Errorf("%s after %q: rows %q, %v, asked for %q", name, tt.after, got, last, p.asked)
				}
			}
		}
	}
}

func TestTimeoutIsOfEachPageAndNotOfTheWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &paged{pages: map[string]Page{}, wait: 4 * time.Second}
		for i := range 10 {
			p.pages[strconv.Itoa(i)] = Page{After: strconv.Itoa(i + 1)}
		}
		p.pages["10"] = Page{Rows: rowsOf("end")}
		for timeout, want := range map[time.Duration]error{5 * time.Second: nil, 3 * time.Second: context.DeadlineExceeded} {
			last := errDown
			for _, err := range ScanRows(t.Context(), WithTimeout(p, timeout), Scan{After: "0"}) {
				last = err
			}
			if !errors.Is(last, want) {
				t.Errorf("timeout of %v: %v, want %v", timeout, last, want)
			}
		}
	})
}
