package tip

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/consumer"
	"passbook/shared/control"
	"passbook/shared/stream"
	"passbook/shared/table"
	"passbook/shared/telemetry"
)

// Source is where the newest records come from.
type Source string

// The sources. A process has None until it serves a feed, and Elsewhere while another one polls.
const (
	None      Source = "none"
	FanOut    Source = "fan-out"
	Polling   Source = "polling"
	Elsewhere Source = "elsewhere"
)

const (
	// stepEvery is how often leases are renewed, callDeadline bounds a call for that.
	stepEvery    = 2 * time.Second
	callDeadline = 2 * time.Second
	// decideWithin is how long a feed waits until it is known where its records come from.
	decideWithin = 25 * time.Second
	// fanOutAgain is when fan-out is tried again that did not deliver.
	fanOutAgain = 10 * time.Minute
	// registerAgain is when a consumer that could not be registered is tried again, for
	// registerFor: the failure may be one of the moment.
	registerAgain = 30 * time.Second
	registerFor   = 2 * time.Minute
	// keptFor is for how long the tips and the lease of a process without feeds are kept.
	keptFor = 30 * time.Second
	// turnFor is for how long a process with fan-out keeps the lease for feeds that catch up, and
	// turnPause the pause in which another one can take it. turnWithin is how long such a feed
	// waits for the lease.
	turnFor    = 30 * time.Second
	turnPause  = 4 * time.Second
	turnWithin = 2 * time.Minute
)

// ElsewhereError says that another process of the fleet serves the feeds.
type ElsewhereError struct {
	// Process is the name of that process.
	Process string
}

// Error returns which process serves the feeds.
func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("fan-out does not deliver here, and the process %s polls the stream for feeds", e.Process)
}

// Config configures Tips. Stream, Streams, Table and Owner are required.
type Config struct {
	Stream  string
	Streams stream.Stream
	// Table is the control table.
	Table table.Table
	// Owner names this start of the process: its instance, a slash and something unique.
	Owner    string
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// Tips are the tips of a stream in a process. It is safe for concurrent use.
type Tips struct {
	config     Config
	subscriber stream.Subscriber // nil if the adapter has none
	consumer   string
	rows       control.Rows
	// reader is the lease of the process that reads the stream for feeds by Get, and alive the row
	// of this process's consumer.
	reader, alive *lease
	polls         polls
	leftovers     leftovers

	mu         sync.Mutex
	state      Source
	changed    chan struct{}
	users      int
	used       time.Time // when a feed last asked or ended
	registered bool
	retry      time.Time // when fan-out is tried next
	failing    time.Time // since when registering fails, zero if it does not; of Run alone
	catching   int       // how many lanes want to catch up
	caught     time.Time // when one last did
	turn       time.Time // when the lease for that may be taken again
	shards     map[string]*Tip
	work       sync.WaitGroup
	life       context.Context
	end        context.CancelFunc
	kick       chan struct{}
}

// New returns the tips of a stream, which are filled while Run runs.
func New(c Config) *Tips {
	rows := control.Feeds(c.Table, c.Stream)
	_, unique, _ := strings.Cut(c.Owner, "/")
	t := &Tips{
		config: c, rows: rows, consumer: consumerPrefix + unique, state: None, changed: make(chan struct{}), shards: map[string]*Tip{},
		polls: polls{next: map[string]time.Time{}}, kick: make(chan struct{}, 1),
		reader: &lease{rows: rows, key: control.FeedReader, owner: c.Owner},
	}
	t.alive = &lease{rows: rows, key: t.consumer, owner: c.Owner}
	t.subscriber, _ = c.Streams.(stream.Subscriber)
	t.life, t.end = context.WithCancel(context.Background())
	for _, s := range []Source{FanOut, Polling, Elsewhere} {
		telemetry.Gauge(prometheus.WrapRegistererWith(prometheus.Labels{"source": string(s)}, c.Registry), "feed_source", "Where the newest records of feeds come from: 1 for that source.", func() float64 {
			if state, _ := t.source(); state == s {
				return 1
			}
			return 0
		})
	}
	return t
}

// Source returns where the newest records come from.
func (t *Tips) Source() Source {
	s, _ := t.source()
	return s
}

func (t *Tips) source() (Source, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state, t.changed
}

// set changes the source. The caller holds the mutex.
func (t *Tips) set(s Source) {
	if t.state == s {
		return
	}
	t.state = s
	close(t.changed)
	t.changed = make(chan struct{})
}

// serves returns an ElsewhereError if another process serves the feeds.
func (t *Tips) serves() error {
	if s, _ := t.source(); s != Elsewhere {
		return nil
	}
	return &ElsewhereError{Process: t.reader.other()}
}

// Enter begins a feed, once it is known where its records come from, and returns what ends it. It
// fails with an ElsewhereError if another process serves feeds.
func (t *Tips) Enter(ctx context.Context) (leave func(), err error) {
	t.count(1)
	ctx, cancel := context.WithTimeout(ctx, decideWithin)
	defer cancel()
	for {
		state, changed := t.source()
		switch state {
		case FanOut, Polling:
			return func() { t.count(-1) }, nil
		case Elsewhere:
			err := t.serves()
			t.count(-1)
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.count(-1)
			return nil, fmt.Errorf("feed: it is not known yet which process reads the stream: %w", ctx.Err())
		}
	}
}

func (t *Tips) count(n int) {
	t.mu.Lock()
	t.users += n
	t.used = time.Now()
	t.mu.Unlock()
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

// Open returns the tip of a shard once it is filled, and what closes it.
func (t *Tips) Open(ctx context.Context, shard consumer.Shard) (*Tip, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, decideWithin)
	defer cancel()
	t.mu.Lock()
	tip := t.shards[shard.String()]
	if tip == nil || tip.lost() {
		life, stop := context.WithCancel(t.life)
		tip = &Tip{tips: t, id: shard.String(), shard: shard.ID, changed: make(chan struct{}), stop: stop}
		t.shards[tip.id] = tip
		t.work.Go(func() { tip.fill(life) })
	}
	tip.readers++
	t.mu.Unlock()
	closed := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		tip.readers--
		tip.left = time.Now()
	}
	for {
		live, changed := tip.isLive()
		_, moved := t.source()
		if err := t.serves(); live || err != nil {
			return tip, closed, err
		}
		select {
		case <-changed:
		case <-moved:
		case <-ctx.Done():
			return tip, closed, fmt.Errorf("feed: wait for the newest records of %s: %w", shard, ctx.Err())
		}
	}
}

func (t *Tip) lost() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gone && !t.ended
}

// tipBytes returns how many bytes a tip may keep.
func (t *Tips) tipBytes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return min(maxTipBytes, MaxBytes/max(1, len(t.shards)))
}

// Turn waits until this process may read a shard's earlier records, once.
func (t *Tips) Turn(ctx context.Context, shard string) error {
	t.mu.Lock()
	t.catching++
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.catching--
		t.caught = time.Now()
	}()
	for began := time.Now(); ; {
		for !t.reader.held() {
			if err := t.serves(); err != nil {
				return err
			}
			if other := t.reader.other(); other != "" && time.Since(began) > turnWithin {
				return &ElsewhereError{Process: other}
			}
			if err := t.changes(ctx); err != nil {
				return err
			}
		}
		if err := t.polls.await(ctx, shard); err != nil {
			return err
		}
		if t.reader.held() {
			return nil
		}
	}
}

// changes waits until a step of Run, or for a moment: not for as long each time, so that of the
// processes that wait for a lease not always the same one is first.
func (t *Tips) changes(ctx context.Context) error {
	select {
	case t.kick <- struct{}{}:
	default:
	}
	timer := time.NewTimer(100*time.Millisecond + rand.N(200*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
