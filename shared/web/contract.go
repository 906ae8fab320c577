package web

import (
	_ "embed" // for the contract
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// contractYAML is the whole contract, of every service.
//
//go:embed openapi.yaml
var contractYAML []byte

// Contract is the whole contract as JSON, or as much of it as serves says: method in capitals, path
// with parameters in braces.
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
			return nil, fmt.Errorf("read the contract: %s is no path item", path)
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

// renderContract is the part of the contract that this process serves.
func (s *Server) renderContract() ([]byte, error) {
	return Contract(func(method, path string) bool {
		_, ok := s.mounted[method+" "+path]
		return ok
	})
}

// Routes lists what is mounted, as "METHOD /path" in the contract's form, in no order.
func (s *Server) Routes() []string {
	names := make([]string, 0, len(s.mounted))
	for name := range s.mounted {
		names = append(names, name)
	}
	return names
}
