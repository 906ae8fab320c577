package consumer

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Every counter of a worker exists, at 0, before anything happened: an alarm on its increase would
// miss the first one.
func TestCountersBeginAtZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	New(Config{Name: "balance@1", Runtime: Runtime{Metrics: NewMetrics(registry)}})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := []string{family.GetName()}
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			found[strings.Join(labels, " ")] = metric.GetCounter().GetValue() == 0 && metric.GetGauge().GetValue() == 0
		}
	}
	for _, name := range []string{
		"passbook_consumer_holes_total balance@1", "passbook_consumer_leases balance@1",
		"passbook_consumer_failures_total balance@1 handle", "passbook_consumer_failures_total balance@1 throttled",
		"passbook_consumer_failures_total balance@1 tend", "passbook_consumer_lease_moves_total balance@1 lost",
		"passbook_consumer_lease_moves_total balance@1 stalled",
	} {
		if !found[name] {
			t.Errorf("%s does not exist at 0", name)
		}
	}
}
