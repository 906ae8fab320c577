package golden

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/control"
	"passbook/shared/discovery"
	"passbook/shared/table"
)

// oneKey signs rows with a key that is known.
type oneKey struct{}

func (oneKey) DeriveCurrent(string) (int, []byte, bool) { return 1, make([]byte, 32), true }

func (oneKey) DeriveRecent(string, int) ([]byte, bool) { return make([]byte, 32), true }

// processRow returns the row of a process of balance, ten seconds after its begin.
func processRow(t *testing.T) (r Rendered) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
		time.Sleep(time.Until(began.Add(discovery.Every)))
		r = processRowOf(t, began)
	})
	return r
}

func processRowOf(t *testing.T, began time.Time) Rendered {
	t.Helper()
	tables := controlTable(t)
	beats := discovery.NewHeartbeat(tables, oneKey{}, discovery.Process{
		Service: "balance", Instance: "ip-10-0-0-1-7", Version: "v1.4.0", Started: began, Host: "ip-10-0-0-1",
		API: "http://10.0.0.1:8080", Metrics: "10.0.0.1:9090",
	}, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- beats.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for {
		for row, err := range table.Rows(t.Context(), tables, table.Query{Table: control.Name, PK: "process", Consistent: true}) {
			if err != nil {
				t.Fatal(err)
			}
			return Render(control.Name, row)
		}
	}
}
