package browser

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"passbook/cmd/internal/browsertest"
)

// faulty is a page with one of each fault that the checks are there to find.
const faulty = `<!doctype html><html lang="en"><head><title>Faulty</title><meta name="viewport" content="width=device-width"></head><body>
<main><h1>Faulty</h1>
<div style="width:40px;overflow:hidden;white-space:nowrap">cut at the side</div>
<div style="height:10px;overflow:hidden">cut below</div>
<button style="height:24px;font-size:1rem;line-height:1.4rem;border:1px solid #000">fits only at its size</button>
<div style="position:relative;height:20px"><span style="position:absolute;left:0">lies on</span><span style="position:absolute;left:4px">another text</span></div>
<p style="color:#bbb;background:#fff">too pale</p>
<div style="width:3000px">wide</div>
<p id="late">moved</p></main>
<script>console.error("an error of the page"); document.fonts.ready.then(() => setTimeout(() => {
  const e = document.createElement("div"); e.style.height = "400px"; document.body.prepend(e); document.title = "Moved" }, 300))</script>
</body></html>`

func TestTheChecksFindEachKindOfFault(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/faulty" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(faulty)) // a browser that has gone needs no page
	}))
	t.Cleanup(server.Close)
	tab := browsertest.Open(t, server.URL, browsertest.Views[0])
	tab.Visit("/faulty")
	tab.Until("the layout shifts", func() error { return moved(tab) })
	faults := tab.Faults()
	for _, expected := range []string{
		`console: console: "an error of the page"`,
		"console: network " + server.URL + "/favicon.ico",
		"layout: shift of",
		"axe: color-contrast (serious)",
		"sideways scroll: 3008 px in 1280",
		`text cut at the side: "cut at the side"`,
		`text cut above or below: "cut below"`,
		`text on text: "lies on"`,
		`at twice the text size: text leaves its box: "fits only at its size"`,
	} {
		if !slices.ContainsFunc(faults, func(fault string) bool { return strings.HasPrefix(fault, expected) }) {
			t.Errorf("no fault begins with %q; found:\n%s", expected, strings.Join(faults, "\n"))
		}
	}
}

// moved returns nil after the shift of the page has been counted.
func moved(tab *browsertest.Tab) error {
	if browsertest.Eval[float64](tab, "window.passbookShift.sum") == 0 {
		return errNotYet
	}
	return nil
}
