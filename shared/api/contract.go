package api

import (
	_ "embed" // for the contract
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"passbook/shared/api/schemas"
	"passbook/shared/web"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"
)

// contractYAML is the contract of all services.
//
//go:embed openapi.yaml
var contractYAML []byte

// streamsYAML is the contract of the streams. It refers to the schemas by their place beside it.
//
//go:embed asyncapi.yaml
var streamsYAML []byte

// sharedPart is the part of the contract that other parts are merged from. It is not served.
const sharedPart = "x-shared"

// Contract returns the part of the contract as JSON that serves reports as served: method in
// capitals, path with parameters in braces.
func Contract(serves func(method, path string) bool) ([]byte, error) {
	contract, err := served(serves)
	if err != nil {
		return nil, err
	}
	rendered, err := json.Marshal(contract)
	if err != nil {
		return nil, fmt.Errorf("render the contract: %w", err)
	}
	return rendered, nil
}

// contractAsYAML returns what Contract returns, as YAML.
func contractAsYAML(serves func(method, path string) bool) ([]byte, error) {
	contract, err := served(serves)
	if err != nil {
		return nil, err
	}
	rendered, err := yaml.Marshal(contract)
	if err != nil {
		return nil, fmt.Errorf("render the contract as YAML: %w", err)
	}
	return rendered, nil
}

// served returns the part of the contract that serves reports as served.
func served(serves func(method, path string) bool) (map[string]any, error) {
	var contract map[string]any
	if err := yaml.Unmarshal(contractYAML, &contract); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	delete(contract, sharedPart)
	paths, ok := contract["paths"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("read the contract: it has no paths")
	}
	for path, item := range paths {
		operations, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("read the contract: %s is not a path item", path)
		}
		for method := range operations {
			if !serves(strings.ToUpper(method), path) {
				delete(operations, method)
			}
		}
		if len(operations) == 0 {
			delete(paths, path)
		}
	}
	return contract, nil
}

// contractRoutes serve the part of the contract that the server serves, rendered once.
func contractRoutes(s *web.Server) []web.Route {
	route := func(path, media string, render func(serves func(method, path string) bool) ([]byte, error)) web.Route {
		rendered := sync.OnceValues(func() ([]byte, error) { return render(s.Mounted) })
		return web.Route{Method: http.MethodGet, Path: path, Kind: web.Probe, Open: true, Handler: func(c echo.Context) error {
			contract, err := rendered()
			if err != nil {
				return err
			}
			web.ReplyAs(c, http.StatusOK, media, contract)
			return nil
		}}
	}
	return []web.Route{route("/openapi.json", web.MediaJSON, Contract), route("/openapi.yaml", "application/yaml", contractAsYAML)}
}

// streamRoutes serve the contract of the streams, rendered once, and the schemas of their records.
func streamRoutes() []web.Route {
	render := sync.OnceValues(func() ([]byte, error) {
		var contract map[string]any
		if err := yaml.Unmarshal(streamsYAML, &contract); err != nil {
			return nil, fmt.Errorf("read the contract of the streams: %w", err)
		}
		rendered, err := json.Marshal(contract)
		if err != nil {
			return nil, fmt.Errorf("render the contract of the streams: %w", err)
		}
		return rendered, nil
	})
	routes := []web.Route{{Method: http.MethodGet, Path: "/asyncapi.json", Kind: web.Probe, Open: true, Handler: func(c echo.Context) error {
		contract, err := render()
		if err != nil {
			return err
		}
		web.Reply(c, http.StatusOK, contract)
		return nil
	}}}
	for _, name := range schemas.Names() {
		text := schemas.Text(name)
		routes = append(routes, web.Route{Method: http.MethodGet, Path: schemas.Path + name, Kind: web.Probe, Open: true, Handler: func(c echo.Context) error {
			web.Reply(c, http.StatusOK, text)
			return nil
		}})
	}
	return routes
}
