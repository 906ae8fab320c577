package view

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/session"
	"passbook/shared/web"
)

const (
	// tickEvery is the time between two ticks.
	tickEvery = time.Second
	// updatesFor is how long one stream of ticks lasts; the browser then opens the next, whose
	// session is checked again.
	updatesFor = 2 * time.Minute
	// maxUpdates bounds the streams of a process.
	maxUpdates = 256
)

// Updates returns the route of the ticks, one stream a page: they say that the server is there, and
// have the page's live parts replace themselves.
func (k *Kit) Updates() web.Route {
	places := make(chan struct{}, maxUpdates)
	page := k.config.Pages.Page(access.Scopes(0), func(c echo.Context, _ session.Visit) error {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			return k.tick(c)
		default:
			return web.Refuse(web.Overloaded)
		}
	})
	return web.Route{Method: http.MethodGet, Path: "/ui/updates", Kind: web.Probe, Open: true, Handler: page}
}

// tick sends ticks until the person leaves, the server ends or the stream is old.
func (k *Kit) tick(c echo.Context) error {
	r, w := c.Request(), c.Response()
	protect(w.Header())
	w.Header().Set("Content-Type", "text/event-stream")
	connection := http.NewResponseController(w)
	if err := connection.SetWriteDeadline(time.Now().Add(updatesFor + time.Minute)); err != nil {
		return fmt.Errorf("begin the updates of a page: %w", err)
	}
	w.WriteHeader(http.StatusOK)
	end := time.NewTimer(updatesFor)
	defer end.Stop()
	ticks := time.NewTicker(tickEvery)
	defer ticks.Stop()
	text := "retry: 1000\nevent: tick\ndata:\n\n"
	for {
		if _, err := w.Write([]byte(text)); err != nil {
			return nil //nolint:nilerr // the person has left
		}
		if err := connection.Flush(); err != nil {
			return nil //nolint:nilerr // the person has left
		}
		text = "event: tick\ndata:\n\n"
		select {
		case <-ticks.C:
		case <-end.C:
			return nil
		case <-r.Context().Done():
			return nil
		case <-k.config.Ending.Done():
			_, _ = w.Write([]byte("event: bye\ndata:\n\n")) // the page sees the end without it, later
			return nil
		}
	}
}
