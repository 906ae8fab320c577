package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/shared/web"
)

// balancer sends requests to instances that are ready, as a load balancer does.
type balancer struct {
	client *http.Client
	mu     sync.Mutex
	all    map[string]*target // by instance name
}

// target is an instance as the balancer sees it.
type target struct {
	*instance
	ready bool
	// gone ends when the instance is known to be dead: what is under way to it is given up.
	gone context.Context
	end  context.CancelFunc
	// broken counts requests that the instance took and did not answer, or refused because it is
	// ending.
	broken int
}

// probeEvery is how often readiness is asked for; a draining instance serves on for longer than
// that.
const probeEvery = 500 * time.Millisecond

func newBalancer(t *testing.T) *balancer {
	b := &balancer{
		client: &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		all:    map[string]*target{},
	}
	ctx, stop := context.WithCancel(t.Context())
	var probing sync.WaitGroup
	probing.Go(func() {
		tick := time.NewTicker(probeEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				b.probe(ctx)
			}
		}
	})
	t.Cleanup(func() { stop(); probing.Wait(); b.client.CloseIdleConnections() })
	return b
}

func (b *balancer) add(i *instance) {
	t := &target{instance: i, ready: true}
	t.gone, t.end = context.WithCancel(context.Background())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all[i.name] = t
}

// target returns the instance of a name.
func (b *balancer) target(name string) *target {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[name]
}

// remove forgets an instance that was killed or has ended.
func (b *balancer) remove(name string) *target {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.all[name]
	delete(b.all, name)
	t.end()
	return t
}

func (b *balancer) targets() (all []*target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.all {
		all = append(all, t)
	}
	return all
}

// probe asks every instance whether it is ready.
func (b *balancer) probe(ctx context.Context) {
	var asking sync.WaitGroup
	for _, t := range b.targets() {
		asking.Go(func() {
			bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			answer, err := b.send(bounded, t, http.MethodGet, "/readyz", "", "")
			b.mu.Lock()
			defer b.mu.Unlock()
			t.ready = err == nil && answer.status == http.StatusOK
		})
	}
	asking.Wait()
}

// pick chooses a ready instance of a service; nil when there is none.
func (b *balancer) pick(service string) *target {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ready []*target
	for _, t := range b.all {
		if t.service == service && t.ready {
			ready = append(ready, t)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	return ready[rand.IntN(len(ready))]
}

// reply is an HTTP answer.
type reply struct {
	status int
	text   string
	body   struct {
		Type    string `json:"type"`
		Version int64  `json:"version"`
		Posted  int64  `json:"posted"`
	}
}

// send sends one request to one instance.
func (b *balancer) send(ctx context.Context, to *target, method, path, key, payload string) (reply, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(to.gone, cancel)()
	request, err := http.NewRequestWithContext(ctx, method, to.base+path, strings.NewReader(payload))
	if err != nil {
		return reply{}, err
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := b.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{status: response.StatusCode, text: string(text)}
	if err := json.Unmarshal(text, &r.body); err != nil {
		return r, fmt.Errorf("%s %s: %d %q: %w", method, path, r.status, text, err)
	}
	return r, nil
}

// definite reports whether a command's answer will not change by repeating it.
func (r reply) definite() bool {
	return r.status < 500 && r.status != http.StatusConflict && r.status != http.StatusTooManyRequests
}

var errNobody = errors.New("no instance is ready")

// command sends a command until it gets a definite answer, always with the same key, to an instance
// that is ready.
func (b *balancer) command(ctx context.Context, service, path, key, payload string) (r reply, tries int, err error) {
	for tries = 1; ; tries++ {
		err = errNobody
		if to := b.pick(service); to != nil {
			if r, err = b.send(ctx, to, http.MethodPost, path, key, payload); err == nil && r.definite() {
				return r, tries, nil
			}
			if to.gone.Err() == nil && (err != nil || r.body.Type == "/problems/"+web.ShuttingDown.Code) {
				b.mu.Lock()
				to.broken++
				b.mu.Unlock()
			}
		}
		if ctx.Err() != nil {
			return r, tries, fmt.Errorf("%s %s after %d tries: %w, %s", path, key, tries, err, r.text)
		}
		pass(ctx, 50*time.Millisecond)
	}
}
