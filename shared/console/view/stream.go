package view

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/session"
	"passbook/shared/web"
)

// maxStreams bounds the streams of pages of a process, besides their ticks.
const maxStreams = 64

// streamFor is how long a stream lasts; the browser then opens the next, whose session is checked
// again.
const streamFor = 2 * time.Minute

// Stream returns the route of a stream of events of a page, for people with scopes. It lasts until
// the person leaves, serve returns or the stream is old. send sends an event: its name, its id, if
// there is one, and the lines of its data.
func (k *Kit) Stream(path string, scopes access.Scopes, serve func(r *Request, send func(name, id, data string) error) error) web.Route {
	places := make(chan struct{}, maxStreams)
	page := k.config.Pages.Page(scopes, func(c echo.Context, v session.Visit) error {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			return web.Refuse(web.Overloaded)
		}
		protect(c.Response().Header())
		c.Response().Header().Set("Content-Type", "text/event-stream")
		control := http.NewResponseController(c.Response())
		if err := control.SetWriteDeadline(time.Now().Add(streamFor + time.Minute)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		c.Response().WriteHeader(http.StatusOK)
		err := serve(&Request{Context: c, Visit: v, API: k.config.API.As(v.Bearer), kit: k}, func(name, id, data string) error {
			if _, err := c.Response().Write(frameOf(name, id, data)); err != nil {
				return err
			}
			return control.Flush()
		})
		if err != nil && c.Request().Context().Err() == nil {
			k.config.Log.WarnContext(c.Request().Context(), "the stream of a page ended", "path", path, "error", err)
		}
		return nil
	})
	return web.Route{Method: http.MethodGet, Path: path, Kind: web.Probe, Open: true, Handler: page}
}

// StreamEnd returns a channel that gets a value when a stream is old.
func StreamEnd() (old <-chan time.Time, stop func() bool) {
	timer := time.NewTimer(streamFor)
	return timer.C, timer.Stop
}

// Ending returns a channel that is closed when the server begins to stop.
func (k *Kit) Ending() <-chan struct{} { return k.config.Ending.Done() }

// frameOf returns an event as it is sent.
func frameOf(name, id, data string) []byte {
	frame := "event: " + name + "\n"
	if id != "" {
		frame += "id: " + id + "\n"
	}
	for line := range strings.SplitSeq(data, "\n") {
		frame += "data: " + line + "\n"
	}
	return []byte(frame + "\n")
}
