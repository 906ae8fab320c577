package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The variables that say what the tests run with.
const (
	chromium = "PASSBOOK_BROWSER"
	axeFile  = "PASSBOOK_AXE"
	pictures = "PASSBOOK_PICTURES"
)

// startLimit bounds the start of the browser on a busy machine.
const startLimit = time.Minute

// browser is the Chromium of this test binary, started by the first tab.
var browser struct {
	once sync.Once
	ctx  context.Context
	end  context.CancelFunc
	err  error
}

// Main runs tests, ends the browser and returns the exit code. Without a browser to run them with
// they are left out: they are no part of `make test`, which needs nothing installed.
func Main(m *testing.M, run func(*testing.M) int) int {
	if os.Getenv(chromium) == "" {
		fmt.Fprintln(os.Stderr, "left out: the console in a browser (make browser)")
		return 0
	}
	code := run(m)
	if browser.end != nil {
		browser.end()
	}
	return code
}

// start starts the browser.
func start() {
	path, err := exec.LookPath(os.Getenv(chromium))
	if err != nil {
		browser.err = fmt.Errorf("%s names no program (cmd/bank/e2e/browser/run.sh says what to install): %w", chromium, err)
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU,
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("font-render-hinting", "none"))
	if os.Geteuid() == 0 {
		// Chromium refuses to start as root with its sandbox; the pages are our own
		options = append(options, chromedp.NoSandbox)
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator)
	browser.ctx, browser.end = ctx, func() { end(); endAllocator() }
	started := make(chan error, 1)
	go func() { started <- chromedp.Do(ctx) }()
	select {
	case browser.err = <-started:
	case <-time.After(startLimit):
		browser.err = fmt.Errorf("%s has not started after %v", path, startLimit)
	}
}

// browserContext returns the browser's context.
func browserContext(t testing.TB) context.Context {
	t.Helper()
	browser.once.Do(start)
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	return browser.ctx
}
