package web

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/labstack/echo/v4"
)

// tagged serves a resource at version 17, and a command that answers with a tag too.
func tagged(t *testing.T) *Server {
	t.Helper()
	s := configured(t, Config{})
	answer := func(c echo.Context) error {
		SetVersion(c, 17)
		Reply(c, http.StatusOK, []byte(`{"version":17}`))
		return nil
	}
	s.Mount(
		Route{Method: http.MethodGet, Path: "/thing", Open: true, Handler: answer},
		Route{Method: http.MethodPut, Path: "/thing", Kind: Write, Open: true, Handler: answer},
		Route{Method: http.MethodGet, Path: "/untagged", Open: true, Handler: func(c echo.Context) error { Reply(c, http.StatusOK, []byte(`{}`)); return nil }},
		Route{Method: http.MethodGet, Path: "/missing", Open: true, Handler: func(c echo.Context) error { SetVersion(c, 17); return Refuse(RouteNotFound) }},
		Route{Method: http.MethodPost, Path: "/command", Kind: Write, Open: true, Handler: answer},
	)
	return s
}

func TestAnswersThatTheCallerHasAreNotSentAgain(t *testing.T) {
	s := tagged(t)
	for _, c := range []struct {
		method, path, given string
		status              int
	}{
		{"GET", "/thing", `"17"`, 304}, {"HEAD", "/thing", `"17"`, 304}, {"GET", "/thing", `W/"17"`, 304}, {"GET", "/thing", `*`, 304},
		{"GET", "/thing", `"3", W/"17" ,"5"`, 304}, {"GET", "/thing", `"16"`, 200}, {"GET", "/thing", `17`, 200}, {"GET", "/thing", `"17`, 200}, {"GET", "/thing", ``, 200},
		{"GET", "/thing", `"171"`, 200}, {"PUT", "/thing", `"17"`, 200}, {"GET", "/untagged", `*`, 200}, {"GET", "/missing", `"17"`, 404},
	} {
		r := ask(s, c.method, c.path, "", "If-None-Match", c.given)
		if r.Code != c.status || c.status == 304 && (r.Body.Len() > 0 || r.Header().Get("ETag") != `"17"` || r.Header().Get("Content-Type") != "") {
			t.Errorf("%s %s with %s: %d %v %s", c.method, c.path, c.given, r.Code, r.Header(), r.Body)
		}
	}
}

// HEAD answers what GET does, without the body, on every route that has GET, and Allow names it.
func TestHeadIsServedWhereverGetIs(t *testing.T) {
	s := tagged(t)
	for _, path := range []string{"/thing", "/untagged", "/missing", "/livez", "/readyz", "/version", "/metrics", "/readyz?verbose"} {
		get, head := ask(s, http.MethodGet, path, ""), ask(s, http.MethodHead, path, "")
		if head.Code != get.Code || head.Header().Get("Content-Type") != get.Header().Get("Content-Type") || head.Header().Get("ETag") != get.Header().Get("ETag") {
			t.Errorf("%s: HEAD %d %v, GET %d %v", path, head.Code, head.Header(), get.Code, get.Header())
		}
		if path != "/metrics" && (head.Body.Len() > 0 || head.Header().Get("Content-Length") != strconv.Itoa(get.Body.Len())) { // net/http leaves the body of another handler out
			t.Errorf("%s: HEAD has %d bytes and says %s, GET has %d", path, head.Body.Len(), head.Header().Get("Content-Length"), get.Body.Len())
		}
	}
	if r := ask(s, http.MethodHead, "/command", ""); r.Code != http.StatusMethodNotAllowed {
		t.Errorf("HEAD of a command: %d", r.Code)
	}
	if r := ask(s, http.MethodDelete, "/thing", ""); r.Header().Get("Allow") != "OPTIONS, GET, HEAD, PUT" {
		t.Errorf("Allow: %s", r.Header().Get("Allow"))
	}
}
