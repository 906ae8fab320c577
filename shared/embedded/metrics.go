package embedded

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are those of the database: how long its commits take, and what Pebble says about its
// tables, log and memory. Registered, they are read at each scrape, and not after Close.
type Metrics struct {
	sync prometheus.Histogram

	reading sync.RWMutex
	engine  *pebble.DB // nil before Open and from Close on

	// Pebble reports stalls while it has its own lock, which a reading takes too: so they have a
	// lock that no reading keeps.
	stalling sync.Mutex
	// stalls are how often writes were delayed and for how long, the one since stalledSince, if
	// any, not yet among them.
	stalls       int
	stalled      time.Duration
	stalledSince time.Time
}

// figure is a number that Pebble keeps.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(*pebble.Metrics) float64
}

func newFigure(kind prometheus.ValueType, name, help string, of func(*pebble.Metrics) float64) figure {
	return figure{describe(name, help), kind, of}
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("passbook", "", name), help, nil, nil)
}

const (
	rises = prometheus.CounterValue
	moves = prometheus.GaugeValue
)

var (
	stallsDesc  = describe("engine_stalls_total", "Times that Pebble delayed writes, since memtables or level 0 were full.")
	stalledDesc = describe("engine_stalled_seconds_total", "Seconds for which writes were delayed.")

	figures = []figure{
		newFigure(rises, "engine_compactions_total", "Compactions of tables.", func(m *pebble.Metrics) float64 { return float64(m.Compact.Count) }),
		newFigure(rises, "engine_compaction_failures_total", "Compactions that failed; Pebble repeats them.", func(m *pebble.Metrics) float64 { return float64(m.Compact.FailedCount) }),
		newFigure(moves, "engine_compaction_debt_bytes", "Bytes that have to be compacted until the levels have their shape.", func(m *pebble.Metrics) float64 { return float64(m.Compact.EstimatedDebt) }),
		newFigure(rises, "engine_flushes_total", "Memtables written to level 0.", func(m *pebble.Metrics) float64 { return float64(m.Flush.Count) }),
		newFigure(moves, "engine_l0_files", "Tables in level 0.", func(m *pebble.Metrics) float64 { return float64(m.Levels[0].TablesCount) }),
		newFigure(moves, "engine_l0_sublevels", "Layers of tables in level 0; writes are delayed at 24.", func(m *pebble.Metrics) float64 { return float64(m.Levels[0].Sublevels) }),
		newFigure(moves, "engine_read_amplification", "Tables that a read may have to look into.", func(m *pebble.Metrics) float64 { return float64(m.ReadAmp()) }),
		newFigure(moves, "engine_memtables", "Memtables; writes are delayed at 3.", func(m *pebble.Metrics) float64 { return float64(m.MemTable.Count) }),
		newFigure(moves, "engine_memtable_bytes", "Bytes of the memtables.", func(m *pebble.Metrics) float64 { return float64(m.MemTable.Size) }),
		newFigure(moves, "engine_wal_files", "Files of the write-ahead log.", func(m *pebble.Metrics) float64 { return float64(m.WAL.Files) }),
		newFigure(moves, "engine_wal_bytes", "Bytes in the write-ahead log that are in no table yet.", func(m *pebble.Metrics) float64 { return float64(m.WAL.Size) }),
		newFigure(rises, "engine_wal_written_bytes_total", "Bytes written to the write-ahead log.", func(m *pebble.Metrics) float64 { return float64(m.WAL.BytesWritten) }),
		newFigure(moves, "engine_disk_bytes", "Bytes of the database on disk.", func(m *pebble.Metrics) float64 { return float64(m.DiskSpaceUsage()) }),
		newFigure(rises, "engine_cache_hits_total", "Blocks found in the cache.", func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Hits) }),
		newFigure(rises, "engine_cache_misses_total", "Blocks read from disk.", func(m *pebble.Metrics) float64 { return float64(m.BlockCache.Misses) }),
	}
)

func newMetrics() *Metrics {
	return &Metrics{sync: prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "passbook", Name: "engine_sync_seconds", Help: "Seconds to write a group of commits to the write-ahead log, fsync included.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
	})}
}

// listener returns what Pebble tells about delayed writes. It tells one begin and one end at a
// time.
func (m *Metrics) listener() *pebble.EventListener {
	return &pebble.EventListener{
		WriteStallBegin: func(pebble.WriteStallBeginInfo) {
			m.stalling.Lock()
			defer m.stalling.Unlock()
			m.stalls++
			m.stalledSince = time.Now()
		},
		WriteStallEnd: func() {
			m.stalling.Lock()
			defer m.stalling.Unlock()
			m.stalled += time.Since(m.stalledSince)
			m.stalledSince = time.Time{}
		},
	}
}

// use sets the database that is read; nil reads none.
func (m *Metrics) use(engine *pebble.DB) {
	m.reading.Lock()
	defer m.reading.Unlock()
	m.engine = engine
}

// stallsSoFar returns how often writes were delayed, and for how long.
func (m *Metrics) stallsSoFar() (count int, took time.Duration) {
	m.stalling.Lock()
	defer m.stalling.Unlock()
	if took = m.stalled; !m.stalledSince.IsZero() {
		took += time.Since(m.stalledSince)
	}
	return m.stalls, took
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	m.sync.Describe(to)
	to <- stallsDesc
	to <- stalledDesc
	for _, f := range figures {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	m.sync.Collect(to)
	stalls, stalled := m.stallsSoFar()
	to <- prometheus.MustNewConstMetric(stallsDesc, rises, float64(stalls))
	to <- prometheus.MustNewConstMetric(stalledDesc, rises, stalled.Seconds())
	m.reading.RLock()
	defer m.reading.RUnlock()
	if m.engine == nil {
		return
	}
	now := m.engine.Metrics()
	for _, f := range figures {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.of(now))
	}
}
