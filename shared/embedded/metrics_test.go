package embedded

import (
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// The metrics say what was written and that it is on disk, delayed writes included, and reading
// them beside the end of the database is harmless.
func TestMetricsOfTheDatabase(t *testing.T) {
	db, err := Open(Options{Dir: "data", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(db.Metrics())
	read := func() map[string]float64 {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]float64{}
		for _, f := range families {
			m := f.GetMetric()[0]
			all[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
		return all
	}
	before := read()
	for range 5 {
		if err := db.Commit(t.Context(), Write{Stage: func(b *pebble.Batch) error { return b.Set([]byte("tk"), make([]byte, 1000), nil) }}); err != nil {
			t.Fatal(err)
		}
	}
	after := read()
	if syncs := after["passbook_engine_sync_seconds"] - before["passbook_engine_sync_seconds"]; syncs != 5 {
		t.Errorf("%v syncs of 5 commits", syncs)
	}
	if grown := after["passbook_engine_wal_bytes"] - before["passbook_engine_wal_bytes"]; grown < 5000 {
		t.Errorf("the log grew by %v bytes", grown)
	}
	if after["passbook_engine_stalls_total"] != 0 || after["passbook_engine_memtables"] != 1 {
		t.Errorf("%v", after)
	}
	listener := db.Metrics().listener()
	listener.WriteStallBegin(pebble.WriteStallBeginInfo{})
	if stalled := read(); stalled["passbook_engine_stalls_total"] != 1 || stalled["passbook_engine_stalled_seconds_total"] <= 0 {
		t.Errorf("in a stall: %v", stalled)
	}
	listener.WriteStallEnd()
	ended := read()["passbook_engine_stalled_seconds_total"]
	if again := read()["passbook_engine_stalled_seconds_total"]; ended != again {
		t.Errorf("after a stall its time still rises, from %v to %v", ended, again)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if n := testutil.CollectAndCount(db.Metrics()); n != 3 {
		t.Errorf("%d metrics of a closed database", n)
	}
}
