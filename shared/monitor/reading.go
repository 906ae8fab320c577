package monitor

import (
	"maps"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"passbook/shared/telemetry"
)

// Figure names something that is counted: a kind, and of what it is counted.
type Figure struct{ Kind, Of string }

// The kinds of figures that rise. Requests and Errors are of a service, Answers of an outcome,
// Records of a shard, Applied and Failures of a consumer.
const (
	Requests = "requests"
	Errors   = "errors"
	Answers  = "answers"
	Commits  = "commits"
	Records  = "records"
	Applied  = "applied"
	Failures = "failures"
	Archived = "archived"
	// Published is what Records is in all.
	Published = "published"
)

// The outcomes of commands, of which Answers counts.
const (
	Accepted = "accepted"
	Declined = "declined"
	Refused  = "refused"
)

// The kinds of figures that are distributions of seconds. Latency is of a service.
const (
	Latency = "latency"
	Commit  = "commit"
	Publish = "publish"
)

// The kinds of figures that rise and fall, each a sum over the processes.
const (
	Resident     = "resident"
	StorageFree  = "storage_free"
	StorageFloor = "storage_floor"
	Suspended    = "suspended"
	OpenSegment  = "open_segment"
)

// Queries is the service that stands for all reads of accounts.
const Queries = "queries"

// reading is what the metrics of one process say at one moment.
type reading struct {
	counters map[Figure]float64
	gauges   map[Figure]float64
	// buckets have, by upper bound, how many observations are not above it.
	buckets map[Figure]map[float64]float64
	// causes say for a figure of failures what failed.
	causes map[Figure]map[string]float64
}

// declared are the figures that a process has from its start, by its program's name.
var declared = map[string][]Figure{
	"bank":        {{Requests, "withdraw"}, {Requests, "credit"}, {Requests, Queries}, {Answers, Accepted}, {Answers, Declined}, {Answers, Refused}},
	"withdraw":    {{Requests, "withdraw"}, {Answers, Accepted}, {Answers, Declined}, {Answers, Refused}},
	"credit":      {{Requests, "credit"}, {Answers, Accepted}, {Answers, Declined}, {Answers, Refused}},
	"balance":     {{Requests, Queries}},
	"creditlimit": {{Requests, Queries}},
}

// read reads the figures out of a process's metrics.
func (m *Monitor) read(process string, families []*dto.MetricFamily) reading {
	r := reading{
		counters: map[Figure]float64{}, gauges: map[Figure]float64{},
		buckets: map[Figure]map[float64]float64{}, causes: map[Figure]map[string]float64{},
	}
	for _, of := range declared[process] { // a metric begins with its first count, a figure at 0
		r.counters[of] = 0
	}
	for _, family := range families {
		name := strings.TrimPrefix(family.GetName(), telemetry.Namespace+"_")
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if name == "http_request_duration_seconds" {
				m.readRequests(&r, process, metric, labels)
				continue
			}
			r.readMetric(name, metric, labels)
		}
	}
	return r
}

// readRequests reads the requests of one route, method and status.
func (m *Monitor) readRequests(r *reading, process string, metric *dto.Metric, labels map[string]string) {
	service, command := m.config.ServiceOf(process, labels["method"], labels["route"])
	if service == "" {
		return
	}
	count, status := float64(metric.GetHistogram().GetSampleCount()), labels["status"]
	r.counters[Figure{Requests, service}] += count
	r.observe(Figure{Latency, service}, metric.GetHistogram())
	if strings.HasPrefix(status, "5") {
		r.fail(Figure{Errors, service}, "answer "+status, count)
	}
	if !command {
		return
	}
	switch {
	case strings.HasPrefix(status, "2"):
		r.counters[Figure{Answers, Accepted}] += count
	case status == "422" || status == "409":
		r.counters[Figure{Answers, Declined}] += count
	default:
		r.counters[Figure{Answers, Refused}] += count
	}
}

// readMetric reads any other metric; one without a figure is passed over.
func (r *reading) readMetric(name string, metric *dto.Metric, labels map[string]string) {
	count := metric.GetCounter().GetValue()
	switch name {
	case "journal_append_seconds":
		r.counters[Figure{Commits, ""}] += float64(metric.GetHistogram().GetSampleCount())
		r.observe(Figure{Commit, ""}, metric.GetHistogram())
	case "publish_lag_seconds":
		r.counters[Figure{Published, ""}] += float64(metric.GetHistogram().GetSampleCount())
		r.observe(Figure{Publish, ""}, metric.GetHistogram())
	case "published_records_total":
		r.counters[Figure{Records, labels["shard"]}] += count
	case "consumer_entries_total":
		if labels["result"] != "duplicate" && labels["result"] != "skipped" {
			r.counters[Figure{Applied, labels["consumer"]}] += count
		}
	case "consumer_failures_total":
		r.fail(Figure{Failures, labels["consumer"]}, labels["step"], count)
	case "webhook_attempts_total":
		if labels["result"] == "taken" {
			r.counters[Figure{Applied, "webhooks"}] += count
		}
	case "archive_rows_total":
		r.counters[Figure{Archived, ""}] += count
	case "archive_suspended_shards":
		r.gauges[Figure{Suspended, ""}] += metric.GetGauge().GetValue()
	case "archive_open_seconds":
		r.gauges[Figure{OpenSegment, ""}] = max(r.gauges[Figure{OpenSegment, ""}], metric.GetGauge().GetValue())
	case "process_resident_memory_bytes":
		r.gauges[Figure{Resident, ""}] += metric.GetGauge().GetValue()
	case "storage_free_bytes":
		r.gauges[Figure{StorageFree, ""}] += metric.GetGauge().GetValue()
	case "storage_floor_bytes":
		r.gauges[Figure{StorageFloor, ""}] += metric.GetGauge().GetValue()
	}
}

// fail adds failures of one cause.
func (r *reading) fail(of Figure, cause string, count float64) {
	r.counters[of] += count
	if r.causes[of] == nil {
		r.causes[of] = map[string]float64{}
	}
	r.causes[of][cause] += count
}

// observe adds a histogram to a distribution.
func (r *reading) observe(of Figure, h *dto.Histogram) {
	sum := r.buckets[of]
	if sum == nil {
		sum = map[float64]float64{}
		r.buckets[of] = sum
	}
	for _, b := range h.GetBucket() {
		sum[b.GetUpperBound()] += float64(b.GetCumulativeCount())
	}
}

// risen returns by how much counts rose since an earlier reading of the same process. A count that
// is lower than before began again at 0.
func risen[K comparable](now, before map[K]float64) map[K]float64 {
	rose := make(map[K]float64, len(now))
	for of, count := range now {
		if rose[of] = count - before[of]; rose[of] < 0 {
			rose[of] = count
		}
	}
	return rose
}

// quantile returns the upper bound of the bucket in which a share of the observations ends,
// interpolated as Prometheus does, and whether there is any observation.
func quantile(buckets map[float64]float64, share float64) (float64, bool) {
	bounds := slices.Sorted(maps.Keys(buckets))
	if len(bounds) == 0 || buckets[bounds[len(bounds)-1]] == 0 {
		return 0, false
	}
	rank := share * buckets[bounds[len(bounds)-1]]
	below, least := 0.0, 0.0
	for _, bound := range bounds {
		if in := buckets[bound] - below; buckets[bound] >= rank && in > 0 {
			return least + (bound-least)*(rank-below)/in, true
		}
		below, least = buckets[bound], bound
	}
	return least, true
}
