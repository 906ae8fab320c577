package browsertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long one step of a person may take on a busy machine.
const patience = 20 * time.Second

// View is how a person looks at pages.
type View struct {
	Width, Height int64
	Dark          bool
}

// Views are those that every page is checked in.
var Views = []View{{1280, 900, false}, {1280, 900, true}, {768, 1024, false}, {768, 1024, true}, {390, 844, false}, {390, 844, true}}

// String returns the view for names of pictures, such as 390-dark.
func (v View) String() string {
	if v.Dark {
		return fmt.Sprintf("%d-dark", v.Width)
	}
	return fmt.Sprintf("%d-light", v.Width)
}

// Tab is a tab of the browser on one server. Its methods fail the test with what they waited for.
type Tab struct {
	// Base is the server's address, which may change when it is started again.
	Base string

	t       testing.TB
	ctx     context.Context
	view    View
	mu      sync.Mutex
	errors  []string
	allowed []string
}

// Open opens an empty tab without cookies. It is closed at the end of the test.
func Open(t testing.TB, base string, view View) *Tab {
	t.Helper()
	ctx, end := chromedp.NewContext(browserContext(t), chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	return prepare(t, ctx, base, view)
}

// Beside opens another tab with the cookies of this one.
func (p *Tab) Beside() *Tab {
	p.t.Helper()
	ctx, end := chromedp.NewContext(p.ctx)
	p.t.Cleanup(end)
	return prepare(p.t, ctx, p.Base, p.view)
}

// prepare makes a tab look as the view says and listen to the console and to layout shifts.
func prepare(t testing.TB, ctx context.Context, base string, view View) *Tab {
	t.Helper()
	p := &Tab{Base: base, t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	p.do("watch for layout shifts", func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchScript})
		return chromedp.Void{}, err
	})
	p.Look(view)
	return p
}

// Look changes the view of the tab.
func (p *Tab) Look(view View) {
	p.t.Helper()
	p.view = view
	scheme := "light"
	if view.Dark {
		scheme = "dark"
	}
	p.do("look at "+view.String(), chromedp.EmulateViewport(view.Width, view.Height), func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return chromedp.Void{}, err
	})
}

// hear keeps what the browser reports as an error: exceptions, console.error, violated policies and
// requests that failed.
func (p *Tab) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.heard(text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, arg := range e.Args {
				words = append(words, string(arg.Value)+arg.Description)
			}
			p.heard("console: " + strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			p.heard(fmt.Sprintf("%s %s: %s", e.Entry.Source, e.Entry.URL, e.Entry.Text))
		}
	}
}

// heard keeps an error.
func (p *Tab) heard(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errors = append(p.errors, text)
}

// Expect makes errors that contain a text no fault: a test expects them, as of a server it ends.
func (p *Tab) Expect(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = append(p.allowed, text)
}

// do runs steps within the patience of a person.
func (p *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %s: %v%s", p.view, what, err, p.state())
	}
}

// state returns where the tab is and what it shows, for a failure.
func (p *Tab) state() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 1500)`))
	if err != nil {
		return "\n(the page cannot be read: " + err.Error() + ")"
	}
	return "\nat " + text
}
