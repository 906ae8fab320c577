package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"crypto/tls"

	"passbook/cmd/internal/teller"
	"passbook/shared/client"
)

const (
	// clockWarning and clockFailed bound how far the clocks of bank and caller may differ. The
	// header Date has whole seconds.
	clockWarning = 3 * time.Second
	clockFailed  = time.Minute
	// certificateWarning is how long a certificate is to be valid.
	certificateWarning = 21 * 24 * time.Hour
)

// server looks at a running bank.
func (c *Doctor) server(ctx context.Context, v *Visit) error {
	s, err := teller.Connect(v.Terminal, &c.Flags)
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if !v.reach(ctx, s.Client) {
		return nil
	}
	v.release(ctx, s.Client)
	v.readiness(ctx, s.Client)
	if v.credentials(ctx, s.Client) {
		v.pipeline(ctx, s.Client)
	}
	return nil
}

// reach calls the bank, and judges the way to it and its clock. It returns false if there is no
// way.
func (v *Visit) reach(ctx context.Context, bank *client.Client) bool {
	var response *http.Response
	began := time.Now()
	err := bank.Do(ctx, http.MethodGet, "/livez", nil, nil, client.Once(), client.Response(&response))
	took := time.Since(began)
	if err != nil {
		v.NoWay("server", err)
		return false
	}
	v.Add("server", StateOK, fmt.Sprintf("%s answers in %v", bank.URL(), took.Round(100*time.Microsecond)), "")
	v.transport(bank.URL(), response.TLS)
	v.clock(response.Header.Get("Date"), began.Add(took/2))
	return true
}

// transport judges the encryption of the connection.
func (v *Visit) transport(address string, state *tls.ConnectionState) {
	if state == nil || len(state.PeerCertificates) == 0 {
		host := ""
		if u, err := url.Parse(address); err == nil {
			host = u.Hostname()
		}
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			v.Add("tls", StateOK, "not encrypted, and it stays on this machine", "")
			return
		}
		v.Add("tls", StateWarning, "not encrypted: who is on the way reads the key and every answer", "give the bank a certificate (--tls-cert, --tls-key) or put it behind one, and call https://")
		return
	}
	end := state.PeerCertificates[0].NotAfter
	text := fmt.Sprintf("%s, certificate valid until %s", tls.VersionName(state.Version), end.UTC().Format(time.DateOnly))
	if time.Until(end) < certificateWarning {
		v.Add("tls", StateWarning, text, "renew it: bank serve takes a new file of the same name without a restart")
		return
	}
	v.Add("tls", StateOK, text, "")
}

// clock judges how far the clocks differ. The header cuts off up to a second.
func (v *Visit) clock(date string, at time.Time) {
	theirs, err := http.ParseTime(date)
	if err != nil {
		v.Add("clock", StateSkipped, "the answer has no date", "")
		return
	}
	off := theirs.Add(500 * time.Millisecond).Sub(at).Round(100 * time.Millisecond)
	text := fmt.Sprintf("the bank's clock is %v ahead of this one, to half a second", off)
	if off < 0 {
		text = fmt.Sprintf("the bank's clock is %v behind this one, to half a second", -off)
	}
	next := "see which of the two machines has the right time, and have NTP keep both"
	switch {
	case off.Abs() > clockFailed:
		v.Add("clock", StateFailed, text, next)
	case off.Abs() > clockWarning:
		v.Add("clock", StateWarning, text, next)
	default:
		v.Add("clock", StateOK, "the clocks agree, to half a second", "")
	}
}

// release compares the version of the bank with that of this program.
func (v *Visit) release(ctx context.Context, bank *client.Client) {
	build, err := bank.Version(ctx, client.Once())
	if err != nil {
		v.Fail("version", err)
		return
	}
	text := fmt.Sprintf("%s %s, this program is %s", build.Service, build.Version, v.Terminal.Version)
	if build.Version != v.Terminal.Version {
		v.Add("version", StateWarning, text, "commands that one of them does not know are refused: use the program of the bank's release")
		return
	}
	v.Add("version", StateOK, text, "")
}

// readiness tells which part of the bank is not ready.
func (v *Visit) readiness(ctx context.Context, bank *client.Client) {
	health, err := bank.Ready(ctx, client.Once())
	var refused *client.Problem
	switch {
	case errors.As(err, &refused) && len(refused.Checks) > 0:
		health = &client.Health{Checks: refused.Checks}
	case err != nil:
		v.Fail("ready", err)
		return
	}
	var ready []string
	for _, check := range health.Checks {
		if check.Ready {
			ready = append(ready, check.Name)
			continue
		}
		v.Add("ready", StateFailed, fmt.Sprintf("%s is not ready: %s", check.Name, check.Cause), "docs/operations.md#overload-and-readiness says what each check means; the log has the cause too")
	}
	if len(health.Checks) == 0 { // a bank tells a stranger no more
		ready = []string{string(health.Status)}
	}
	if len(ready) > 0 {
		v.Add("ready", StateOK, strings.Join(ready, ", "), "")
	}
}

// probes are calls that tell whether a key has a scope. Those of the writing scopes have no
// Idempotency-Key, or no URL, so no bank carries them out.
var probes = []struct{ scope, method, path string }{
	{"accounts:read", http.MethodGet, "/v1/accounts?limit=1"},
	{"feed:read", http.MethodGet, "/v1/events?limit=1"},
	{"ops:read", http.MethodGet, "/v1/consumers"},
	{"accounts:write", http.MethodPost, "/v1/accounts"},
	{"money:credit", http.MethodPost, "/v1/accounts/doctor/credits"},
	{"money:withdraw", http.MethodPost, "/v1/accounts/doctor/withdrawals"},
	{"limits:write", http.MethodPut, "/v1/accounts/doctor/credit-limit"},
	{"webhooks:read", http.MethodGet, "/v1/webhooks"},
	{"webhooks:write", http.MethodPost, "/v1/webhooks"},
}

// credentials tells what the key may do, and returns whether it may see the pipeline.
func (v *Visit) credentials(ctx context.Context, bank *client.Client) (seesPipeline bool) {
	var has, lacks []string
	for _, p := range probes {
		var body any
		if p.method != http.MethodGet {
			body = struct{}{}
		}
		err := bank.Do(ctx, p.method, p.path, body, nil, client.Once())
		var refused *client.Problem
		switch {
		case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
			v.Fail("key", err)
			return false
		case client.HasCode(err, client.CodeScopeMissing):
			lacks = append(lacks, p.scope)
		case err == nil, client.HasCode(err, client.CodeIdempotencyKeyMissing), client.HasCode(err, client.CodeValidationFailed):
			has = append(has, p.scope)
			seesPipeline = seesPipeline || p.scope == "ops:read"
		case client.HasCode(err, client.CodeRouteNotFound), client.HasCode(err, client.CodeMethodNotAllowed):
			// another program serves it
		default:
			v.Fail("key", fmt.Errorf("%s %s: %w", p.method, p.path, err))
			return false
		}
	}
	text := "it may " + strings.Join(has, ", ")
	switch {
	case len(has) == 0:
		v.Add("key", StateWarning, "it may do nothing of what was asked for", "bank key create --scopes gives a key with scopes")
	case len(lacks) > 0:
		v.Add("key", StateOK, text+"; not "+strings.Join(lacks, ", "), "")
	default:
		v.Add("key", StateOK, text, "")
	}
	return seesPipeline
}

// pipeline tells what the bank reports of its stores, and what needs attention.
func (v *Visit) pipeline(ctx context.Context, bank *client.Client) {
	p, err := bank.Pipeline(ctx, client.Once())
	switch {
	case client.HasCode(err, client.CodeRouteNotFound), client.HasCode(err, client.CodeScopeMissing):
		v.Add("pipeline", StateSkipped, "this process does not report it to this key", "ask the bank, or the console service, with a key of all tenants that has ops:read")
		return
	case err != nil:
		v.Fail("pipeline", err)
		return
	}
	v.Add("stores", StateOK, fmt.Sprintf("%s, %s", p.Environment.Store, p.Environment.Place), "")
	if d := p.Disk; d != nil {
		v.disk(int64(d.FreeBytes), int64(d.FloorBytes))
	}
	for _, a := range p.NeedsAttention {
		state := StateWarning
		if a.Severity == client.PipelineNeedsAttentionSeverityBad {
			state = StateFailed
		}
		if a.Kind == client.PipelineNeedsAttentionKindDisk {
			continue // said already
		}
		next := a.Remedy
		if a.Command != "" {
			next += ": " + a.Command
		}
		v.Add(string(a.Kind), state, a.What, next)
	}
	if len(p.NeedsAttention) == 0 {
		v.Add("pipeline", StateOK, "nothing needs attention", "")
	}
}

// disk judges the space on the volume of the data. Below the reserve commands are refused.
func (v *Visit) disk(free, reserve int64) {
	text := fmt.Sprintf("%d MiB free, of which %d MiB are the reserve", free>>20, reserve>>20)
	next := "free space on the volume of the data directory: below the reserve every command is refused with storage-full"
	switch {
	case free < reserve:
		v.Add("disk", StateFailed, text, next)
	case free < 2*reserve:
		v.Add("disk", StateWarning, text, next)
	default:
		v.Add("disk", StateOK, text, "")
	}
}
