package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// pause is the time between two looks at a page that a test waits for.
const pause = 50 * time.Millisecond

// Visit opens a path of the server and waits until it is loaded.
func (p *Tab) Visit(path string) {
	p.t.Helper()
	p.do("open "+path, chromedp.Navigate(p.Base+path))
}

// Click scrolls to an element, clicks it with the mouse, and waits for no page.
func (p *Tab) Click(css string) {
	p.t.Helper()
	p.do("click "+css, chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible))
}

// Follow clicks a link or button and waits until another page is loaded.
func (p *Tab) Follow(css string) {
	p.t.Helper()
	p.leaving("follow "+css, chromedp.Click(chromedp.CSS(css), chromedp.NodeVisible))
}

// FollowText follows the first visible link or button with a text.
func (p *Tab) FollowText(text string) {
	p.t.Helper()
	p.Follow(p.Named(text))
}

// Named waits for a visible link, button or summary with a text and returns its selector.
func (p *Tab) Named(text string) string {
	p.t.Helper()
	var css string
	p.Until("a link or button "+text, func() error {
		css = Eval[string](p, fmt.Sprintf(namedScript, quote(text)))
		if css == "" {
			return fmt.Errorf("there is none")
		}
		return nil
	})
	return css
}

// Type puts a text into a field in place of what it has.
func (p *Tab) Type(css, text string) {
	p.t.Helper()
	p.do("type into "+css, chromedp.Clear(chromedp.CSS(css)), chromedp.SendKeys(chromedp.CSS(css), text))
}

// Choose sets the value of a field that is not typed into: a list, a slider, a box.
func (p *Tab) Choose(css, value string) {
	p.t.Helper()
	p.do("choose "+value+" in "+css, chromedp.WaitReady(chromedp.CSS(css)), chromedp.Evaluate[chromedp.Void](fmt.Sprintf(chooseScript, quote(css), quote(value))))
}

// Press presses keys, one after the other, as from a keyboard.
func (p *Tab) Press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do("press a key", chromedp.KeyEvent(key))
	}
}

// Shortcut presses a key of a character that the page takes for itself. Press would type it after
// that as well, into the field that has got the focus.
func (p *Tab) Shortcut(key string) {
	p.t.Helper()
	p.do("press "+key, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
			text := key
			if kind == input.DispatchKeyEventTypeKeyUp {
				text = ""
			}
			if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: key, Text: text}); err != nil {
				return chromedp.Void{}, err
			}
		}
		return chromedp.Void{}, nil
	})
}

// PressAndLoad presses a key and waits until another page is loaded.
func (p *Tab) PressAndLoad(key string) {
	p.t.Helper()
	p.leaving("press a key", chromedp.KeyEvent(key))
}

// leaving takes a step that opens another page, and waits until that is loaded. The mark on the
// window is gone with the page that had it.
func (p *Tab) leaving(what string, step chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.do(what, chromedp.Evaluate[chromedp.Void](`window.passbookLeft = true`), step)
	p.Until(what+": another page is loaded", func() error {
		if !Eval[bool](p, `!window.passbookLeft && document.readyState === "complete"`) {
			return fmt.Errorf("the page is still the same")
		}
		return nil
	})
}

// Eval evaluates an expression in the page. One that is interrupted by another page which loads is
// asked again.
func Eval[T any](p *Tab, expression string) T {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
		cancel()
		if err == nil {
			return value
		}
		if time.Now().After(deadline) || !strings.Contains(err.Error(), "context") && !strings.Contains(err.Error(), "navigat") {
			p.t.Fatalf("%s: evaluate %.200s: %v", p.view, expression, err)
		}
	}
}

// Text returns the text that elements show, empty if there are none.
func (p *Tab) Text(css string) string {
	p.t.Helper()
	return Eval[string](p, fmt.Sprintf(`[...document.querySelectorAll(%s)].map(e => e.innerText).join("\n")`, quote(css)))
}

// Has reports whether there is a visible element.
func (p *Tab) Has(css string) bool {
	p.t.Helper()
	return Eval[bool](p, fmt.Sprintf(`[...document.querySelectorAll(%s)].some(e => e.checkVisibility({visibilityProperty: true}))`, quote(css)))
}

// Path returns the path and query of the page.
func (p *Tab) Path() string {
	p.t.Helper()
	return Eval[string](p, `location.pathname + location.search`)
}

// Shows waits until elements show a text.
func (p *Tab) Shows(css, text string) {
	p.t.Helper()
	p.Until(css+" shows "+text, func() error {
		if shown := p.Text(css); !strings.Contains(shown, text) {
			return fmt.Errorf("it shows %.2000q", shown)
		}
		return nil
	})
}

// Until waits until check returns nil, or fails the test with its last error.
func (p *Tab) Until(what string, check func() error) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: %s: still %v after %v%s", p.view, what, err, patience, p.state())
		}
		<-ticker.C
	}
}

// quote returns a text as a literal of JavaScript.
func quote(text string) string {
	literal, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string has a JSON form
	}
	return string(literal)
}

// TabTo presses Tab until an element has the focus, as a person without a mouse does.
func (p *Tab) TabTo(css string) {
	p.t.Helper()
	const most = 150
	for range most {
		p.Press(kb.Tab)
		if Eval[bool](p, fmt.Sprintf(`document.activeElement?.matches(%s) ?? false`, quote(css))) {
			if !Eval[bool](p, focusScript) {
				p.t.Errorf("%s %s: the focus on %s cannot be seen", p.Path(), p.view, css)
			}
			return
		}
	}
	p.t.Fatalf("%s: %s is not among the %d elements that Tab reaches%s", p.view, css, most, p.state())
}

// Write types a text into the field that has the focus.
func (p *Tab) Write(text string) {
	p.t.Helper()
	p.do("type", chromedp.KeyEvent(text))
}

// Drag moves the mouse from one place of the view to another with the button held down.
func (p *Tab) Drag(fromX, fromY, toX, toY float64) {
	p.t.Helper()
	p.do("drag", chromedp.DragAndDropXY(fromX, fromY, toX, toY, 10))
}
