package readmodel

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/account"
)

// Every counter of a projection exists, at 0, before anything happened: an alarm on its increase
// would miss the first one.
func TestCountersBeginAtZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewProjection(ProjectionConfig[account.State]{Generation: 1, Rows: NewRows(nil, testModel, 0), Metrics: NewMetrics(registry)})
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
		"passbook_consumer_quarantined_accounts balance@1", "passbook_consumer_writes_total balance@1 row",
		"passbook_consumer_entries_total balance@1 applied", "passbook_consumer_entries_total balance@1 " + resultUnprocessable,
	} {
		if !found[name] {
			t.Errorf("%s does not exist at 0", name)
		}
	}
}
