package api

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"passbook/shared/web"

	"go.yaml.in/yaml/v3"
)

// serviceRoute is a route of the contract with the services that serve it.
type serviceRoute struct {
	method   string
	segments []string
	services []string
}

// serviceRoutes returns the routes of all services, by the tags of the contract, without those that
// every process has.
var serviceRoutes = sync.OnceValue(func() (all []serviceRoute) {
	var contract struct {
		Paths map[string]map[string]struct {
			Tags []string `yaml:"tags"`
		} `yaml:"paths"`
	}
	if yaml.Unmarshal(contractYAML, &contract) != nil {
		return nil // openapi.json reports a broken contract
	}
	for path, operations := range contract.Paths {
		for method, o := range operations {
			services := slices.DeleteFunc(o.Tags, func(tag string) bool { return !slices.Contains(services, tag) })
			if len(services) > 0 {
				all = append(all, serviceRoute{strings.ToUpper(method), strings.Split(path, "/"), services})
			}
		}
	}
	return all
})

// services are the programs that the contract tags its routes with.
var services = []string{"withdraw", "credit", "balance", "creditlimit", "archiver", "webhooks"}

// nameService adds to the refusal of a route the program that serves it, where this process is one
// of several.
func (s *Server) nameService(p *web.Problem, r *http.Request) *web.Problem {
	if !s.config.OneOfSeveral {
		return p
	}
	segments := strings.Split(r.URL.Path, "/")
	for _, o := range serviceRoutes() {
		if o.method == r.Method && !slices.Contains(o.services, s.config.Web.Service) && o.matches(segments) {
			p.Members = append(p.Members, web.Member{Name: "service", Value: o.services[0]})
			return p
		}
	}
	return p
}

// ServicesOf returns the programs of which each serves a path of the contract; none for what every
// process, the console or nobody serves.
func ServicesOf(method, path string) []string {
	segments := strings.Split(path, "/")
	for _, o := range serviceRoutes() {
		if o.method == method && o.matches(segments) {
			return o.services
		}
	}
	return nil
}

// matches reports whether a path is one of the route.
func (o serviceRoute) matches(segments []string) bool {
	return slices.EqualFunc(o.segments, segments, func(of, is string) bool { return of == is || strings.HasPrefix(of, "{") && is != "" })
}

// queries stands for all services that answer reads of accounts.
const queries = "queries"

// ServiceOf returns the service whose work a request to a route of the contract is, as a process of
// that name serves it: withdraw, credit, or queries for those that answer reads; empty for the
// routes that every process has. command says that it is one of withdraw or credit.
func ServiceOf(process, method, route string) (service string, command bool) {
	segments := strings.Split(route, "/")
	for _, o := range serviceRoutes() {
		if o.method != method || !slices.Equal(o.segments, segments) {
			continue
		}
		service = o.services[0]
		if slices.Contains(o.services, process) {
			service = process
		}
		if method != http.MethodGet && (service == "withdraw" || service == "credit") {
			return service, true
		}
		return queries, false
	}
	return "", false
}
