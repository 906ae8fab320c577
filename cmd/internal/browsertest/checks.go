package browsertest

import (
	_ "embed" // for the scripts
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
)

// The scripts that run in pages.
var (
	//go:embed js/watch.js
	watchScript string
	//go:embed js/text.js
	textScript string
	//go:embed js/axe.js
	axeScript string
	//go:embed js/larger.js
	largerScript string
	//go:embed js/named.js
	namedScript string
	//go:embed js/focus.js
	focusScript string
	//go:embed js/mask.js
	maskScript string
	//go:embed js/choose.js
	chooseScript string
)

// maxShift is how much the layout of a page may shift while it loads.
const maxShift = 0.01

// axe reads axe-core, once.
var axe = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(os.Getenv(axeFile))
	if err != nil {
		return "", fmt.Errorf("read axe-core, which %s names: %w", axeFile, err)
	}
	return string(text), nil
})

// Faults returns what is wrong with the page as it is shown now, nil if nothing is.
func (p *Tab) Faults() []string {
	p.t.Helper()
	faults := p.Console()
	faults = append(faults, p.shifts()...)
	faults = append(faults, p.axe()...)
	if p.view.Dark {
		return faults // what is painted has another colour, and the same place
	}
	faults = append(faults, p.layout("")...)
	if !Eval[bool](p, largerScript) {
		faults = append(faults, "text does not become larger with the browser's text size")
	}
	faults = append(faults, p.layout("at twice the text size: ")...)
	return faults
}

// Check fails the test for each fault of the page, and continues.
func (p *Tab) Check() {
	p.t.Helper()
	path := p.Path()
	for _, fault := range p.Faults() {
		p.t.Errorf("%s %s: %s", path, p.view, fault)
	}
}

// Console returns the errors since it was last asked that no test expects.
func (p *Tab) Console() (faults []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range p.errors {
		if !slices.ContainsFunc(p.allowed, func(part string) bool { return strings.Contains(text, part) }) {
			faults = append(faults, "console: "+text)
		}
	}
	p.errors = nil
	return faults
}

// shifts returns a fault if the layout has shifted.
func (p *Tab) shifts() []string {
	p.t.Helper()
	s := Eval[struct {
		Sum float64
		Of  []string
	}](p, `({Sum: window.passbookShift?.sum ?? 0, Of: window.passbookShift?.of ?? []})`)
	if s.Sum <= maxShift {
		return nil
	}
	return []string{fmt.Sprintf("layout: shift of %.3f, at most %.2f: %s", s.Sum, maxShift, strings.Join(s.Of, "; "))}
}

// FirstPaint returns how long after the page was asked for its first content was painted.
func (p *Tab) FirstPaint() time.Duration {
	p.t.Helper()
	ms := Eval[float64](p, `new Promise(done => new PerformanceObserver((list, observer) => {
	  const first = list.getEntriesByName('first-contentful-paint')[0];
	  if (first) { observer.disconnect(); done(first.startTime); }
	}).observe({type: 'paint', buffered: true}))`)
	return time.Duration(ms * float64(time.Millisecond))
}

// axe returns the serious and critical violations that axe-core finds. A dark page is the same as
// the light one but for its colours.
func (p *Tab) axe() []string {
	p.t.Helper()
	source, err := axe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.do("load axe-core", chromedp.Evaluate[chromedp.Void](source+";undefined"))
	return Eval[[]string](p, fmt.Sprintf(axeScript, strconv.FormatBool(p.view.Dark)))
}

// layout returns text that is clipped or overlaps, and what makes the page scroll sideways.
func (p *Tab) layout(when string) (faults []string) {
	p.t.Helper()
	for _, fault := range Eval[[]string](p, textScript) {
		faults = append(faults, when+fault)
	}
	return faults
}

// Picture writes a picture of the whole page, if pictures are asked for, with fixed times and ids.
func (p *Tab) Picture(name string) {
	p.t.Helper()
	dir := os.Getenv(pictures)
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	mask := chromedp.Evaluate[chromedp.Void](maskScript + ";undefined")
	p.do("mask times and ids", mask)
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("%s: take a picture of %s: %v", p.view, name, err)
	}
	p.do("show times and ids", mask)
	if err := os.WriteFile(filepath.Join(dir, name+"-"+p.view.String()+".png"), picture, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
