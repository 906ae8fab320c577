package delivery

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/table"
	"passbook/shared/webhook"
)

const (
	// refresh is the usual time between two looks at the endpoints, and at what is due.
	refresh = time.Second
	// window is how long an event is tried before its account is dead for the endpoint.
	window = 72 * time.Hour
	// firstPause and lastPause bound the pauses between attempts with the same event.
	firstPause = time.Second
	lastPause  = time.Hour
	// sharedPlaces bounds the attempts of all endpoints beyond the first of each.
	sharedPlaces = 64
)

// Config configures a Deliverer. Table, Journal, Registry and Client are required.
type Config struct {
	Table    table.Table
	Journal  History
	Registry *webhook.Registry
	Client   *Client
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Metrics gets the metrics; nil gets none.
	Metrics prometheus.Registerer
	// Log gets what is paused or given up, and failures; nil is slog.Default.
	Log *slog.Logger
}

// Deliverer sends the events of the accounts on the shards that this process reads. It is safe for
// concurrent use.
type Deliverer struct {
	config Config
	store  *Store
	count  metrics
	places chan struct{} // shared by all senders, for attempts beyond the first
	// refresh and window are those of New; tests have fewer looks, and hours for days.
	refresh, window time.Duration

	mu      sync.Mutex
	shards  []consumer.Shard
	senders map[string]*sender
}

// New returns a deliverer, which sends nothing before Run.
func New(c Config) *Deliverer {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Deliverer{
		config: c, store: NewStore(c.Table, c.Journal, c.Now), count: newMetrics(c.Metrics), places: make(chan struct{}, sharedPlaces), senders: map[string]*sender{}, refresh: refresh, window: window,
	}
}

// Store returns the rows.
func (d *Deliverer) Store() *Store { return d.store }

// own has the deliverer send to the accounts of a shard.
func (d *Deliverer) own(s consumer.Shard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shards = append(d.shards, s)
	for _, s := range d.senders {
		s.wake()
	}
}

// release ends the attempts for accounts of a shard, and waits for their end.
func (d *Deliverer) release(s consumer.Shard) {
	d.mu.Lock()
	if i := slices.IndexFunc(d.shards, func(o consumer.Shard) bool { return o.String() == s.String() && o.Created.Equal(s.Created) }); i >= 0 {
		d.shards = slices.Delete(d.shards, i, i+1)
	}
	senders := make([]*sender, 0, len(d.senders))
	for _, s := range d.senders {
		senders = append(senders, s)
	}
	d.mu.Unlock()
	for _, s := range senders {
		s.cancelForeign()
	}
}

// owns reports whether this process sends to an account.
func (d *Deliverer) owns(a event.Account) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.shards, func(s consumer.Shard) bool { return s.Owns(a.String()) })
}

// nudge tells the sender of an endpoint that an account has something to send.
func (d *Deliverer) nudge(endpoint string, a event.Account) {
	d.mu.Lock()
	s := d.senders[endpoint]
	d.mu.Unlock()
	if s != nil { // otherwise it finds the account once it starts
		s.add(a)
	}
}

// Run sends until ctx ends, and then waits for the attempts in progress, which end with it.
func (d *Deliverer) Run(ctx context.Context) error {
	var senders sync.WaitGroup
	defer senders.Wait()
	senders.Go(func() { d.backfillAll(ctx) })
	for ctx.Err() == nil {
		set, err := d.config.Registry.Current(ctx)
		if err == nil {
			d.adjust(ctx, set, &senders)
			d.clean(ctx, set)
		} else if ctx.Err() == nil {
			d.failed("the endpoints could not be read", err)
		}
		_ = backoff.Sleep(ctx, d.refresh) // ctx ends the loop
	}
	return nil
}

// failed counts and logs a failure that is repeated.
func (d *Deliverer) failed(what string, err error) {
	d.count.failures.Inc()
	d.config.Log.Warn("webhooks: "+what+"; it is tried again", "error", err)
}

// drop ends a sender whose endpoint is not active any more.
func (d *Deliverer) drop(s *sender) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id := s.endpoint.Load().ID; d.senders[id] == s {
		delete(d.senders, id)
	}
	s.cancel()
}

// adjust starts and stops senders so that every active endpoint has one.
func (d *Deliverer) adjust(ctx context.Context, set *webhook.Set, senders *sync.WaitGroup) {
	d.mu.Lock()
	defer d.mu.Unlock()
	active := map[string]bool{}
	for _, e := range set.All() {
		if e.State != webhook.Active {
			continue
		}
		active[e.ID] = true
		if s := d.senders[e.ID]; s != nil {
			s.endpoint.Store(e)
			continue
		}
		running, cancel := context.WithCancel(ctx)
		s := newSender(d, e, cancel)
		d.senders[e.ID] = s
		senders.Go(func() { s.run(running) })
	}
	for id, s := range d.senders {
		if !active[id] {
			s.cancel()
			delete(d.senders, id)
		}
	}
}
