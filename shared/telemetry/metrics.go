package telemetry

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Namespace begins the name of every metric of Passbook.
const Namespace = "passbook"

// latencyBuckets span the time that a command may take, from an fsync on local flash to a client's
// patience, in seconds.
var latencyBuckets = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}

// NewRegistry makes a program's registry, with the metrics of Go and of the process, and
// passbook_build_info.
func NewRegistry(version string) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: Namespace, Name: "build_info", Help: "1, labelled with the program's version and Go's.",
		ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()},
	})
	info.Set(1)
	registry.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Counter registers a count that only rises and is read at each scrape. read is called
// concurrently. labels are pairs of a name and a value; the metric's name with them MUST be new to
// r.
func Counter(r prometheus.Registerer, name, help string, read func() float64, labels ...string) {
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: Namespace, Name: name, Help: help, ConstLabels: pairs(labels)}, read))
}

// Gauge registers a number that rises and falls, otherwise like Counter.
func Gauge(r prometheus.Registerer, name, help string, read func() float64, labels ...string) {
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: Namespace, Name: name, Help: help, ConstLabels: pairs(labels)}, read))
}

func pairs(labels []string) prometheus.Labels {
	all := make(prometheus.Labels, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	return all
}

// Latency registers a histogram of seconds, by labels. The name MUST be new to r.
func Latency(r prometheus.Registerer, name, help string, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: Namespace, Name: name, Help: help, Buckets: latencyBuckets,
	}, labels)
	r.MustRegister(h)
	return h
}
