package client

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"passbook/shared/discovery"
)

const (
	// connectMost bounds the connecting to a process, after which another one is called.
	connectMost = 2 * time.Second
	// idleEach is how many idle connections are kept to each process.
	idleEach = 16
)

// Fleet is an http.RoundTripper to the processes of a bank's services. A call that no service
// serves is made inside of this process.
type Fleet struct {
	// Inside makes the calls of this process.
	Inside http.RoundTripper
	// Services returns the services of which each serves a path.
	Services func(method, path string) []string
	// Processes returns the processes of a service, and why their list may be old.
	Processes func(ctx context.Context, service string) ([]discovery.Process, error)
	// Host is the name of this machine.
	Host string

	turn atomic.Uint64
	http http.Transport
}

// NewFleet returns the transport to a fleet, whose members are set.
func NewFleet(f *Fleet) *Fleet {
	f.http.DialContext = (&net.Dialer{Timeout: connectMost}).DialContext
	f.http.TLSHandshakeTimeout = connectMost
	f.http.MaxIdleConnsPerHost, f.http.IdleConnTimeout, f.http.DisableCompression = idleEach, time.Minute, true
	return f
}

// RoundTrip implements http.RoundTripper. A process to which no connection can be made is passed
// over for the next one; a call that may have reached a process is not repeated. Without a process
// the error is a *Problem that says what is missing.
func (f *Fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	services := f.Services(r.Method, r.URL.Path)
	if len(services) == 0 {
		return f.Inside.RoundTrip(r)
	}
	reached, why := f.reached(r.Context(), services)
	first := f.turn.Add(1)
	for i := range reached {
		at := reached[(first+uint64(i))%uint64(len(reached))]
		response, sent, err := f.send(r, at)
		if err == nil || sent || r.Context().Err() != nil {
			return response, err
		}
		why = append(why, fmt.Sprintf("%s %s at %s: %v", at.Service, at.Instance, at.API, err))
	}
	return nil, missing(services, why)
}

// reached returns the processes of the services that can be called from here, and why others
// cannot.
func (f *Fleet) reached(ctx context.Context, services []string) (reached []discovery.Process, why []string) {
	for _, service := range services {
		list, err := f.Processes(ctx, service)
		if err != nil {
			why = append(why, err.Error())
		}
		for _, p := range list {
			if err := p.Reachable(f.Host, p.API); err != nil {
				why = append(why, err.Error())
				continue
			}
			reached = append(reached, p)
		}
	}
	return reached, why
}

// Base returns the address of a process that serves a call; without one, a word in its place.
func (f *Fleet) Base(method, path string) string {
	services := f.Services(method, path)
	if len(services) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectMost)
	defer cancel()
	if reached, _ := f.reached(ctx, services); len(reached) > 0 {
		return reached[0].API
	}
	return "http://ADDRESS-OF-" + services[0]
}

// send sends a request to a process. sent says that there was a connection, so that the process may
// have got it.
func (f *Fleet) send(r *http.Request, to discovery.Process) (response *http.Response, sent bool, err error) {
	base, err := url.Parse(to.API)
	if err != nil {
		return nil, false, err
	}
	var connected atomic.Bool
	ctx := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.Host = base.Scheme, base.Host, base.Host
	if r.GetBody != nil { // an attempt before may have read it
		if out.Body, err = r.GetBody(); err != nil {
			return nil, false, err
		}
	}
	response, err = f.http.RoundTrip(out)
	return response, connected.Load(), err
}

// missing returns the problem of a call for which no process was found.
func missing(services, why []string) *Problem {
	name := strings.Join(services, " or ")
	p := &Problem{
		Status: http.StatusServiceUnavailable, Title: "No process of " + name + " answers",
		Detail: "The call needs one, and nothing was sent. The console finds processes by their rows in the control table: start one. One that runs and is not found logs why, or was started with --advertise off.",
	}
	if len(why) > 0 {
		p.Detail += " Tried: " + strings.Join(why, "; ") + "."
	}
	return p
}
