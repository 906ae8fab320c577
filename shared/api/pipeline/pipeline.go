package pipeline

import (
	"context"
	"fmt"
	"math/big"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"passbook/shared/access"
	"passbook/shared/api"
	"passbook/shared/monitor"
	"passbook/shared/readmodel"
	"passbook/shared/stream"
	"passbook/shared/web"
	"passbook/shared/webhook/delivery"
	"passbook/shared/writer"
)

const (
	// fresh is how long an answer is given again; maxAnswers bounds those that are kept, one for
	// each tenant that asks.
	fresh      = time.Second
	maxAnswers = 64
)

// Config configures a Pipeline. All but Needs and Webhooks is required.
type Config struct {
	// Consumers knows where the consumers are; its table is read for all else too.
	Consumers Consumers
	Streams   stream.Stream
	Monitor   *monitor.Monitor
	// Archiver is the name of the consumer that archives.
	Archiver    string
	Environment Environment
	// SegmentAge is the greatest age of an open segment.
	SegmentAge time.Duration
	Now        func() time.Time
	// Needs are the programs of which the bank needs a process each; none where one has them all.
	Needs []string
	// Webhooks lists the webhooks of all tenants that a person should look at; nil lists none.
	Webhooks func(ctx context.Context) ([]delivery.Trouble, error)
}

// Pipeline answers how the pipeline is. It may be used concurrently.
type Pipeline struct {
	config  Config
	mu      sync.Mutex
	answers map[string]*cached
}

// cached is an answer, or the attempt to make it.
type cached struct {
	mu     sync.Mutex
	at     time.Time
	answer Answer
	audit  lastAudit
}

// New makes a Pipeline.
func New(c Config) *Pipeline { return &Pipeline{config: c, answers: map[string]*cached{}} }

// Route returns the route that serves it.
func (p *Pipeline) Route() web.Route {
	return web.Route{Method: http.MethodGet, Path: "/v1/ops/pipeline", Scopes: access.OpsRead, Handler: func(c echo.Context) error {
		if err := web.ParseQuery(c).Problem(); err != nil {
			return err
		}
		ctx := c.Request().Context()
		answer, err := p.answer(ctx, access.From(ctx))
		if err != nil {
			return api.Unavailable(err)
		}
		return web.ReplyJSON(c, http.StatusOK, answer)
	}}
}

// answer returns what a principal may see, at most a second old.
func (p *Pipeline) answer(ctx context.Context, by *access.Principal) (Answer, error) {
	kept := p.kept(by)
	kept.mu.Lock()
	defer kept.mu.Unlock()
	now := p.config.Now()
	if age := now.Sub(kept.at); age >= 0 && age < fresh {
		return kept.answer, nil
	}
	answer, err := p.assemble(ctx, by, now, &kept.audit)
	if err == nil {
		kept.at, kept.answer = now, answer
	}
	return answer, err
}

// kept returns the place of the answers for a principal.
func (p *Pipeline) kept(by *access.Principal) *cached {
	key := by.Tenant
	if by.AllTenants {
		key = "*"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answers[key] == nil {
		if len(p.answers) >= maxAnswers {
			clear(p.answers)
		}
		p.answers[key] = &cached{}
	}
	return p.answers[key]
}

// assemble reads everything, the last audit only where the one that is kept is old.
func (p *Pipeline) assemble(ctx context.Context, by *access.Principal, now time.Time, audit *lastAudit) (Answer, error) {
	m, tables := p.config.Monitor, p.config.Consumers.Table
	a := Answer{
		AsOf: api.Time{Time: now.UTC().Truncate(time.Microsecond)}, WindowSeconds: int((monitor.Bins * monitor.Bin).Seconds()), BinSeconds: int(monitor.Bin.Seconds()),
		Environment: p.config.Environment, Services: services(m), Commands: commands(m),
		Journal: flow(m, monitor.Figure{Kind: monitor.Commits}, monitor.Figure{Kind: monitor.Commit}, monitor.Figure{}),
		Disk:    disk(m), Writers: []Writer{},
	}
	statuses, err := p.config.Consumers.List(ctx, by)
	if err != nil {
		return a, err
	}
	if a.Generations, err = p.generations(ctx); err != nil {
		return a, err
	}
	a.Consumers = p.consumers(statuses, a.Generations)
	if a.Stream, err = p.stream(ctx, a.Consumers); err != nil {
		return a, err
	}
	writers, err := writer.List(ctx, tables)
	if err != nil {
		return a, err
	}
	for _, w := range writers {
		a.Writers = append(a.Writers, Writer{
			ID: w.ID, State: w.State, Epoch: w.Epoch, Published: w.Published, Format: max(w.Writes, 1), Began: api.Time{Time: w.Began.UTC()}, Passes: w.Pass,
		})
	}
	if a.Audit, err = audit.read(ctx, tables, by, now); err != nil {
		return a, err
	}
	processes, trouble := m.Processes()
	a.Processes = make([]Process, len(processes))
	for i, s := range processes {
		a.Processes[i] = Process{
			Name: s.Name, Instance: s.Instance, Address: s.Address, Version: s.Version, StartedAt: micros(s.Started), Up: s.Up, Ended: s.Ended, Error: s.Error, SeenAt: micros(s.Seen), ResidentBytes: int64(s.Resident),
		}
	}
	a.Archive = p.archive(a.Consumers, now)
	p.judge(&a)
	a.Attention = p.attention(a, by.Tenant, trouble, p.webhooks(ctx, by)...)
	return a, nil
}

// micros returns a time as answers have it; one that is not known stays zero.
func micros(at time.Time) api.Time { return api.Time{Time: at.UTC().Truncate(time.Microsecond)} }

// services reads the flows of what answers calls.
func services(m *monitor.Monitor) []Service {
	list := make([]Service, 0, 3)
	for _, name := range []string{"withdraw", "credit", monitor.Queries} {
		list = append(list, Service{name, flow(m, monitor.Figure{Kind: monitor.Requests, Of: name}, monitor.Figure{Kind: monitor.Latency, Of: name}, monitor.Figure{Kind: monitor.Errors, Of: name})})
	}
	return list
}

// commands reads how commands ended.
func commands(m *monitor.Monitor) Commands {
	of := func(outcome string) Outcome {
		o := Outcome{History: m.History(monitor.Figure{Kind: monitor.Answers, Of: outcome})}
		const minute = 6
		for _, bin := range o.History[len(o.History)-minute:] {
			if bin == nil {
				continue
			}
			if o.PerMinute == nil {
				o.PerMinute = new(float64)
			}
			*o.PerMinute += *bin
		}
		return o
	}
	return Commands{of(monitor.Accepted), of(monitor.Declined), of(monitor.Refused)}
}

// generations reads the generations of the models.
func (p *Pipeline) generations(ctx context.Context) ([]Model, error) {
	list := make([]Model, 0, len(p.config.Consumers.Models))
	for _, model := range p.config.Consumers.Models {
		g, err := readmodel.LoadGenerations(ctx, p.config.Consumers.Table, model)
		if err != nil {
			return nil, err
		}
		list = append(list, Model{model, g.Live, g.Candidate, g.Promoting, g.Previous, g.Discarding})
	}
	return list, nil
}

// stream reads the shards of the stream, with how far the slowest live consumer is behind on each.
func (p *Pipeline) stream(ctx context.Context, consumers []Consumer) (Stream, error) {
	name, m := p.config.Consumers.Stream, p.config.Monitor
	s := Stream{Name: name, Flow: flow(m, monitor.Figure{Kind: monitor.Published}, monitor.Figure{Kind: monitor.Publish}, monitor.Figure{}), Shards: []Shard{}}
	shards, err := p.config.Streams.Shards(ctx, name)
	if err != nil {
		return s, fmt.Errorf("list the shards of stream %s: %w", name, err)
	}
	behind := map[string]api.Seconds{}
	for _, c := range consumers {
		for _, on := range c.Shards {
			if c.Live {
				behind[on.Shard] = max(behind[on.Shard], on.BehindSeconds)
			}
		}
	}
	sums, all := map[string]float64{}, 0.0
	for _, shard := range shards {
		for _, bin := range m.History(monitor.Figure{Kind: monitor.Records, Of: shard.ID}) {
			if bin != nil {
				sums[shard.ID], all = sums[shard.ID]+*bin, all+*bin
			}
		}
	}
	for _, shard := range shards {
		one := Shard{
			ID: shard.ID, FirstHash: hex(shard.FirstHash), LastHash: hex(shard.LastHash), Parents: append([]string{}, shard.Parents...), Closed: shard.Closed,
			Rate: known(m.Rate(monitor.Figure{Kind: monitor.Records, Of: shard.ID})), BehindSeconds: behind[shard.ID],
		}
		if one.Rate == nil && s.Rate != nil { // its count begins with its first record
			one.Rate = new(float64)
		}
		if all > 0 {
			one.Share = rounded(sums[shard.ID]/all, 4)
		}
		s.Shards = append(s.Shards, one)
	}
	return s, nil
}

// hex returns a hash key as 32 digits.
func hex(key *big.Int) string {
	if key == nil {
		return ""
	}
	return fmt.Sprintf("%032x", key)
}

// disk reads the space of an embedded bank, nil for others.
func disk(m *monitor.Monitor) *Disk {
	free, is := m.Gauge(monitor.Figure{Kind: monitor.StorageFree})
	floor, _ := m.Gauge(monitor.Figure{Kind: monitor.StorageFloor})
	if !is {
		return nil
	}
	return &Disk{int64(free), int64(floor)}
}
