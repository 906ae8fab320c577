package importer

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/balance"
	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/teller"
	"passbook/credit"
	"passbook/shared/access"
	"passbook/shared/access/persons"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/api/apitest"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/statement"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/web"
	"passbook/withdraw"
)

// discard is an outbox for tests without a stream.
type discard struct{}

func (discard) Publish(...journal.Committed)    {}
func (discard) Full() bool                      { return false }
func (discard) Pace(event.Account, func()) bool { return false }

// bank is a bank with a clock that the test moves. Its index of events follows when the test says
// so.
type bank struct {
	t          *testing.T
	url        string
	clock      *apitest.Clock
	client     *apitest.Client
	projection *readmodel.Projection[account.State]
	// booking is called before a bulk that is no rehearsal.
	booking func()
	// spoil has the bank answer bulk that is no rehearsal with what it cannot decide now.
	spoil bool
}

// serve serves a bank.
func serve(t *testing.T) *bank {
	t.Helper()
	tbl := storetest.Memory(t, pebblestream.Options{}, append(journal.Schemas, balance.Schemas...)...).Table
	b := &bank{t: t, clock: apitest.NewClock(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))}
	j, err := journal.Open(t.Context(), journal.Config{Table: tbl, Outbox: discard{}, Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := j.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	dates := account.Window{Back: 3650}
	takes, err := withdraw.New(withdraw.Config{Journal: j, ValueDates: dates})
	if err != nil {
		t.Fatal(err)
	}
	gives, err := credit.New(credit.Config{Journal: j, ValueDates: dates})
	if err != nil {
		t.Fatal(err)
	}
	store := balance.NewStore(tbl, 0)
	if b.projection, err = balance.NewProjector(balance.Config{Store: store, Journal: j.Reader, Now: b.clock.Now}).Projection(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	server := api.New(api.Config{Web: web.Config{Service: "bank", Logger: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Timeout: 20 * time.Second}})
	server.Operations(append(takes.Operations(), gives.Operations()...)...)
	server.Mount(balance.NewAPI(store, j.Reader, persons.New(tbl, nil), nil).Routes()...)
	server.Mount(statement.New(statement.Config{Journal: j.Reader, Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}).Routes()...)
	b.booking = func() {}
	listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/bulk" && r.URL.RawQuery == "" {
			b.booking()
			if b.spoil {
				spoilt(w, r)
				return
			}
		}
		server.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(listening.Close)
	b.url, b.client = listening.URL, apitest.New(t, server.Handler())
	return b
}

// project lets the index of events follow.
func (b *bank) project(accounts ...string) {
	b.t.Helper()
	for _, id := range accounts {
		if _, err := b.projection.CatchUp(b.t.Context(), event.Account{Tenant: access.MainTenant, ID: id}); err != nil {
			b.t.Fatal(err)
		}
	}
}

// lines returns how many movements an account has.
func (b *bank) lines(id string) int {
	b.t.Helper()
	return strings.Count(string(b.client.Get("/v1/accounts/"+id+"/statement/file?format=csv").Body), "\n") - 1
}

// posted returns an account's balance.
func (b *bank) posted(id string) int64 {
	b.t.Helper()
	return b.client.Get("/v1/accounts/" + id).Int("posted")
}

// ran is what an import wrote and ended with.
type ran struct {
	out, notes string
	err        error
}

// run runs an import whose output goes to a writer too.
func (b *bank) run(ctx context.Context, c Command, stdin string, also io.Writer) ran {
	b.t.Helper()
	var out, notes bytes.Buffer
	c.Flags = teller.Flags{Server: b.url, Output: cli.Output{Format: "csv"}}
	if c.Separator == "" {
		c.Separator = ","
	}
	err := c.Run(ctx, &cli.Terminal{In: strings.NewReader(stdin), Out: io.MultiWriter(&out, also), Err: &notes})
	return ran{out.String(), notes.String(), err}
}

// imports imports a text under the name june.
func (b *bank) imports(text string) ran {
	b.t.Helper()
	return b.run(b.t.Context(), Command{File: "-", Name: "june", Format: "csv"}, text, io.Discard)
}

// spoilt answers each line of a bulk with what a bank says that has lost its journal.
func spoilt(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex()
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := bufio.NewScanner(r.Body)
	for n := 1; lines.Scan(); n++ {
		fmt.Fprintf(w, `{"line":%d,"status":504,"problem":{"type":"/problems/outcome-unknown","title":"Outcome unknown","status":504,"detail":"","retryable":true,"correlation_id":"x"}}`+"\n", n)
	}
}
