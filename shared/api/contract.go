package api

import (
	_ "embed" // for the contract
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"passbook/shared/web"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"
)

// contractYAML is the contract of all services.
//
//go:embed openapi.yaml
var contractYAML []byte

// Contract returns the part of the contract as JSON that serves reports as served: method in
// capitals, path with parameters in braces.
func Contract(serves func(method, path string) bool) ([]byte, error) {
	var contract map[string]any
	if err := yaml.Unmarshal(contractYAML, &contract); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
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
	rendered, err := json.Marshal(contract)
	if err != nil {
		return nil, fmt.Errorf("render the contract: %w", err)
	}
	return rendered, nil
}

// contractRoute serves the part of the contract that the server serves, rendered once.
func contractRoute(s *web.Server) web.Route {
	render := sync.OnceValues(func() ([]byte, error) { return Contract(s.Mounted) })
	return web.Route{Method: http.MethodGet, Path: "/openapi.json", Handler: func(c echo.Context) error {
		contract, err := render()
		if err != nil {
			return err
		}
		web.Reply(c, http.StatusOK, contract)
		return nil
	}}
}
