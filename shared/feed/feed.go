package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/admission"
	"passbook/shared/api"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/feed/tip"
	"passbook/shared/journal"
	"passbook/shared/stream"
	"passbook/shared/table"
	"passbook/shared/telemetry"
	"passbook/shared/web"
)

const (
	// Path is the feed's.
	Path = "/v1/feed"
	// MaxConnections is the most feeds that a process serves at once.
	MaxConnections = 256
	// heartbeatEvery is the longest silence of a feed.
	heartbeatEvery = 10 * time.Second
	// identifyEvery is how often it is asked again whether the caller may still read.
	identifyEvery = time.Minute
	// keptAccounts is how many accounts the newest versions are kept of, for each connection, and
	// the holders, for all of them.
	keptAccounts = 1 << 17
)

// Server is what the feed needs of the server that it is mounted on.
type Server interface {
	// Draining returns a context that ends when the server begins to stop.
	Draining() context.Context
	// Identify returns again who sends a request that lasts, and whether it may still use its
	// route.
	Identify(c echo.Context) (*access.Principal, error)
}

// Config configures a Feed. Stream, Streams, Journal and Server are required.
type Config struct {
	// Stream is the stream to read, with the deployment's prefix.
	Stream  string
	Streams stream.Stream
	Journal *journal.Reader
	// Bucket has the archive. A process that may not read it has nil, and serves what the stream
	// has. Table has the checkpoints of the consumer Archiver, which writes the archive.
	Bucket   bucket.Bucket
	Table    table.Table
	Archiver string
	// Owner names this start of the process among those of the fleet.
	Owner string
	// Origin checks where entries are from; nil takes all of them.
	Origin consumer.Origin
	// Decoder decodes each record once for all readers of a process; nil makes one.
	Decoder *consumer.Decoder
	// Server is called once it serves.
	Server   func() Server
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// Feed serves feeds. It is safe for concurrent use.
type Feed struct {
	config  Config
	gate    *admission.Gate
	holders *recent[string]
	// histories has a place for each feed that reads the archive.
	histories chan struct{}
	counts    counts
	// tips has the newest records of a stream that does not report arrivals, else it is nil.
	tips *tip.Tips
	// past and newest bound the records that were read and are not sent yet.
	past, newest *memory
}

// counts are the metrics.
type counts struct {
	events, filled prometheus.Counter
	ended          *prometheus.CounterVec
}

// New makes a Feed.
func New(c Config) *Feed {
	if c.Decoder == nil {
		c.Decoder = consumer.NewDecoder(0)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	f := &Feed{config: c, gate: admission.NewFixedGate(MaxConnections), holders: newRecent[string](keptAccounts), histories: make(chan struct{}, maxHistories), past: newMemory(maxPast, 0), newest: newMemory(maxNewest, memoryWait)}
	f.measure(c.Registry)
	if _, reports := c.Streams.(stream.Notifier); !reports {
		f.tips = tip.New(tip.Config{Stream: c.Stream, Streams: c.Streams, Table: c.Table, Owner: c.Owner, Registry: c.Registry, Log: c.Log})
	}
	return f
}

// Run reads the newest records for all feeds until ctx ends. On a stream that reports arrivals it
// only waits.
func (f *Feed) Run(ctx context.Context) error {
	if f.tips == nil {
		<-ctx.Done()
		return nil
	}
	return f.tips.Run(ctx)
}

// enter begins a feed, which is another process's if only that one reads the stream.
func (f *Feed) enter(ctx context.Context) (leave func(), err error) {
	if f.tips == nil {
		return func() {}, nil
	}
	return f.tips.Enter(ctx)
}

// source returns where the newest records come from, for heartbeats.
func (f *Feed) source() tip.Source {
	if f.tips == nil {
		return ""
	}
	return f.tips.Source()
}

// most returns how many records are read at once.
func (f *Feed) most() int {
	if f.tips == nil {
		return readRecords
	}
	return stream.MaxGetRecords
}

// measure registers the metrics, with all their labels from the start.
func (f *Feed) measure(r prometheus.Registerer) {
	telemetry.Gauge(r, "feed_connections", "Feeds that are being read.", func() float64 { return float64(f.gate.State().Busy) })
	telemetry.Gauge(r, "feed_connections_limit", "Feeds that may be read at once.", func() float64 { return MaxConnections })
	telemetry.Counter(r, "feed_refused_total", "Feeds refused because no place was free.", func() float64 { return float64(f.gate.State().Shed) })
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: telemetry.Namespace, Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	f.counts.events = counter("feed_events_total", "Events sent to readers of feeds.")
	f.counts.filled = counter("feed_filled_total", "Events of feeds read from the journal, since the stream had later ones of their account first.")
	f.counts.ended = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: telemetry.Namespace, Name: "feed_ended_total", Help: "Feeds that the server ended, by reason.",
	}, []string{"reason"})
	r.MustRegister(f.counts.ended)
	for _, reason := range reasons {
		f.counts.ended.WithLabelValues(string(reason))
	}
}

// Routes returns the feed's route.
func (f *Feed) Routes() []web.Route {
	return []web.Route{{Method: http.MethodGet, Path: Path, Kind: web.Stream, Scopes: access.FeedRead, Handler: f.serve}}
}

// serve serves one feed until its caller is gone or it ends.
func (f *Feed) serve(c echo.Context) error {
	ask, err := parse(c)
	if err != nil {
		return err
	}
	if f.config.Server().Draining().Err() != nil {
		return web.Refuse(web.ShuttingDown)
	}
	return f.gate.Through(web.CallerOf(c.Request().Context()), func() error { return f.connect(c, ask) })
}

// connect answers a request. Until the header is sent an error is its answer; after that it is the
// reason in the last event.
func (f *Feed) connect(c echo.Context, ask request) error {
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	out := newWire(c, ask.lines)
	s := &connection{
		feed: f, request: ask, wire: out, server: f.config.Server(), versions: newRecent[versions](keptAccounts), past: newTurn(f.past),
		identify: func() error { _, err := f.config.Server().Identify(c); return err },
	}
	if c.Request().Method == http.MethodHead {
		return out.header()
	}
	leave, err := f.enter(ctx)
	if err != nil {
		return refusal(err)
	}
	defer leave()
	err = s.run(ctx)
	if !c.Response().Committed {
		return refusal(err)
	}
	reason := reasonOf(ctx, err)
	f.counts.ended.WithLabelValues(string(reason)).Inc()
	if reason == failed || reason == moved {
		f.config.Log.WarnContext(ctx, "a feed ended, and its reader resumes", "error", err)
	}
	if reason != gone {
		out.bye(reason) // a caller that is gone does not read it
	}
	return nil
}

// refusal returns the problem of a feed that did not begin.
func refusal(err error) error {
	var moved *tip.ElsewhereError
	switch {
	case errors.As(err, &moved):
		p := web.Refuse(api.FeedUnavailable)
		p.Detail = "Another process of the fleet serves the feeds: " + moved.Process + ". Repeat the request until that process gets it, or send it there."
		return fmt.Errorf("%w: %w", p, err)
	case errors.Is(err, errBusy):
		return web.Refuse(web.Overloaded)
	case errors.Is(err, errHistory):
		return fmt.Errorf("%w: %w", web.Refuse(api.FeedHistoryMissing), err)
	}
	return fmt.Errorf("%w: %w", web.Refuse(api.FeedUnavailable), err)
}

// holder returns who holds an account.
func (f *Feed) holder(ctx context.Context, e *event.Entry) (string, error) {
	a := e.Account()
	if holder, known := f.holders.get(a.String()); known {
		return holder, nil
	}
	if e.First > 1 {
		ctx, cancel := context.WithTimeout(ctx, journalDeadline)
		defer cancel()
		var err error
		if e, err = f.config.Journal.Entry(ctx, a, 1); err != nil {
			return "", fmt.Errorf("find the holder of %s: %w", a, err)
		}
	}
	opened, ok := e.Events[0].Body.(event.AccountOpened)
	if !ok {
		return "", fmt.Errorf("find the holder of %s: its first event is %s", a, e.Events[0].Body.Type())
	}
	f.holders.put(a.String(), opened.HolderRef)
	return opened.HolderRef, nil
}
