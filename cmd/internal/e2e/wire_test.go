package e2e

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"passbook/cmd/internal/programtest"
	"passbook/shared/awstest"
)

// trouble is what happens on the wire between the first instance of each service and the endpoint.
// The second has a good one.
type trouble struct {
	name   string
	toxics []string // nil is no connection at all
	lasts  time.Duration
}

var troubles = []trouble{
	{"200 ms more each way", []string{`{"name":"up","type":"latency","stream":"upstream","attributes":{"latency":200,"jitter":50}}`}, 8 * time.Second},
	{"connections reset", []string{`{"name":"rst","type":"reset_peer","stream":"downstream","attributes":{"timeout":0}}`}, 6 * time.Second},
	{"answers lost, connections open", []string{`{"name":"half","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`}, 8 * time.Second},
	{"requests lost, connections open", []string{`{"name":"half","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`}, 8 * time.Second},
	{"down", nil, 10 * time.Second},
}

// proxy puts a proxy before the endpoint, which does nothing yet.
func proxy(t *testing.T) *toxiproxy.Proxy {
	t.Helper()
	upstream, err := url.Parse(awstest.Endpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(server, "endpoint", "127.0.0.1:0", upstream.Host)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// Every failure of the connection of one instance of each service: no 2xx is lost, nothing happens
// twice, the other instances still take commands, and all is caught up once the connection works.
func TestWireTroubleOnAWS(t *testing.T) {
	f := newProcesses(t, 2)
	p := proxy(t)
	f.through = func(_ string, n int) string {
		if n == 0 {
			return "http://" + p.Listen
		}
		return ""
	}
	b := newBalancer(t)
	startAll(t, f, b)
	l := openAccounts(t, b, 20)
	loading, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { l.run(loading, "wire", 10) })
	defer load.Wait()
	defer stop()
	for _, trouble := range troubles {
		before := l.count()
		trouble.happen(t, p)
		if kept := l.count() - before; kept < 3*int(trouble.lasts/time.Second) {
			t.Errorf("%s: %d commands were answered in %v, of 10 a second", trouble.name, kept, trouble.lasts)
		}
		pass(t.Context(), 3*time.Second)
	}
	stop()
	load.Wait()
	healed := time.Now()
	t.Logf("%d commands answered, %d of them needed more than one try, the slowest %v", l.count(), l.repeated, l.slowest.Round(time.Millisecond))
	heads, posted := l.check(t, f)
	caughtUp(t, b, heads, posted)
	t.Logf("every instance was caught up %v after the last command", time.Since(healed).Round(10*time.Millisecond))
	programtest.Every(t, look, "audit", func() error { return f.audit(t, time.Nanosecond) })
}

// happen lets the trouble last, and ends it.
func (tr trouble) happen(t *testing.T, p *toxiproxy.Proxy) {
	t.Helper()
	t.Logf("%s, for %v", tr.name, tr.lasts)
	if tr.toxics == nil {
		address := p.Listen
		p.Stop()
		pass(t.Context(), tr.lasts)
		p.Lock()
		p.Listen = address
		p.Unlock()
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, toxic := range tr.toxics {
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			t.Fatal(err)
		}
	}
	pass(t.Context(), tr.lasts)
	p.Toxics.ResetToxics(t.Context())
}
