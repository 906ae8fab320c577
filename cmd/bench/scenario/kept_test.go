package scenario

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestFillSendsEachLineOnce checks that the connections part the lines between them, and that one
// that is refused is an error.
func TestFillSendsEachLineOnce(t *testing.T) {
	var mu sync.Mutex
	seen, refuse := map[string]int{}, ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var got []string
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			got = append(got, lines.Text())
		}
		mu.Lock()
		defer mu.Unlock()
		for n, line := range got {
			seen[line]++
			status := http.StatusCreated
			if line == refuse {
				status = http.StatusConflict
			}
			fmt.Fprintf(w, `{"line":%d,"status":%d}`+"\n", n+1, status)
		}
	}))
	t.Cleanup(s.Close)
	address := strings.TrimPrefix(s.URL, "http://")
	line := func(text []byte, n int) []byte { return append(strconv.AppendInt(text, int64(n), 10), '\n') }
	const n = 2*fillEach + 7
	if err := fill(t.Context(), address, 3, n, line); err != nil || len(seen) != n {
		t.Fatalf("%d lines, %v", len(seen), err)
	}
	for line, times := range seen {
		if times != 1 {
			t.Errorf("line %s was sent %d times", line, times)
		}
	}
	refuse = "8"
	if err := fill(t.Context(), address, 3, 20, line); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("a refused line: %v", err)
	}
}

func TestFiguresHaveAUnit(t *testing.T) {
	var f figures
	f.add("accounts opened a second", 12_345.6, "/s")
	f.add("ready after a start", .4, "s")
	var out strings.Builder
	if err := f.print(&out); err != nil || !strings.Contains(out.String(), "12,346 /s") || !strings.Contains(out.String(), "0.40 s") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if f.find("ready after a start") != .4 || f.find("nothing") != 0 {
		t.Error("a figure is not found by its name")
	}
}

func TestPowers(t *testing.T) {
	if got := powers(1000, 1_000_000, 10); !slices.Equal(got, []int{1000, 10_000, 100_000, 1_000_000}) {
		t.Error(got)
	}
	if got := powers(1, 9, 2); !slices.Equal(got, []int{1, 2, 4, 8}) {
		t.Error(got)
	}
}
