package view

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"

	"passbook/shared/web"
)

//go:embed static
var static embed.FS

// file is a static file with the address that has its hash in it.
type file struct {
	address, mediaType string
	content            []byte
}

// files are the static files, by name.
var files = func() map[string]file {
	all := map[string]file{}
	entries, err := static.ReadDir("static")
	if err != nil {
		panic(err) // they are compiled in
	}
	add := func(name string, content []byte) {
		sum := sha256.Sum256(content)
		kind := mime.TypeByExtension(path.Ext(name))
		if kind == "" {
			kind = "text/plain; charset=utf-8"
		}
		all[name] = file{"/ui/static/" + hex.EncodeToString(sum[:6]) + "/" + name, kind, content}
	}
	for _, e := range entries {
		content, err := static.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		add(e.Name(), content)
	}
	return all
}()

// Static returns the route of the static files. Their addresses change with their content, so that
// a browser keeps them for good.
func (k *Kit) Static() web.Route {
	return k.config.Pages.Route(http.MethodGet, "/ui/static/{hash}/{name}", func(c echo.Context) error {
		f, known := files[c.Param("name")]
		if !known || f.address != c.Request().URL.Path {
			return web.Refuse(web.RouteNotFound)
		}
		h := c.Response().Header()
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		return c.Blob(http.StatusOK, f.mediaType, f.content)
	})
}

// StyleSheet returns the style sheet, which the pages to sign in have too.
func StyleSheet() []byte { return files["console.css"].content }

// address returns the address of a static file. It panics if there is none of the name.
func address(name string) string {
	f, known := files[name]
	if !known {
		panic("view: no static file " + name)
	}
	return f.address
}
