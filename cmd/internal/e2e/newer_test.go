package e2e

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
	"passbook/cmd/internal/serve"
	"passbook/shared/origin"
	"passbook/shared/table"
)

// newer writes into the bank's row that a later release has upgraded it.
func newer(t *testing.T, tables table.Table) {
	t.Helper()
	was, err := origin.ReadBank(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	now := was
	now.Format = 99
	if err := origin.WriteBank(t.Context(), tables, was, now); err != nil {
		t.Fatal(err)
	}
}

// TestServicesEndWhenTheBankIsNewer checks that every service that runs ends with what to do when
// the bank is upgraded to an entry format that it does not know, and does not start afterwards.
func TestServicesEndWhenTheBankIsNewer(t *testing.T) {
	f := newTogether(t, 1)
	open := func(service string) (*serve.Process, error) {
		config := f.config
		config.Instance = service
		engine := programtest.Share(f.engine, f.engine.Table, f.engine.Streams, f.engine.Bucket)
		return serve.OpenOn(t.Context(), programs[service], "test", config, engine, slog.New(slog.DiscardHandler))
	}
	refused := func(what string, err error) {
		t.Helper()
		var r *origin.Refusal
		if !errors.As(err, &r) || r.Next == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	ended := map[string]chan error{}
	for _, service := range services {
		p, err := open(service)
		if err != nil {
			t.Fatal(err)
		}
		ended[service] = make(chan error, 1)
		go func() { ended[service] <- p.Run(context.WithoutCancel(t.Context())) }()
	}
	newer(t, f.engine.Table)
	for service, err := range ended {
		select {
		case err := <-err:
			refused("a running "+service, err)
		case <-time.After(programtest.Patience):
			t.Fatalf("%s still runs", service)
		}
		_, err := open(service)
		refused("a starting "+service, err)
	}
}
