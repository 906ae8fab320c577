package sim

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"passbook/archiver"
	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/archivelog"
	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/event/eventtest"
	"passbook/shared/journal"
	"passbook/shared/publisher"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

const (
	events        = "events"
	notifications = "notifications"
	lease         = 10 * time.Second
)

var silent = slog.New(slog.DiscardHandler)

// process is one start of the bank as a program, put together as cmd/internal/programs/bank does.
type process struct {
	run  *run
	name string
	off  atomic.Bool
	// frozen is until when the process does not advance, in nanoseconds since 1970.
	frozen atomic.Int64
	// exclusive says that no other process uses the stores, and notified that the stream wakes its
	// readers.
	exclusive, notified bool

	disk *disk

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	journal  *journal.Journal // nil until it is open
	archiver *archiver.Archiver
	log      *archivelog.Log
}

// start starts a process on the stores as they are now.
func (r *run) start() {
	r.starts++
	p := &process{run: r, name: fmt.Sprint("bank", r.starts), exclusive: r.fleet == 1, notified: r.fleet == 1 || r.seed%2 == 0, disk: r.disk}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.log = p.newLog()
	p.go1("writer", p.write)
	p.go1("balances", p.balances)
	p.go1("limits", p.limits)
	p.go1("archive", p.archive)
	if r.keepsLog {
		p.go1("log", p.log.Run)
	}
	if r.compacts {
		p.go1("compactor", p.compact)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.processes = append(r.processes, p)
}

// part returns a part of the process.
func (p *process) part(name string) part { return part{p, p.name + "/" + name} }

func (p part) rows() rows       { return rows{p, p.disk.rows} }
func (p part) objects() objects { return objects{p, p.run.bucket} }

func (p part) records() stream.Stream {
	if r := (records{p, p.disk.streams}); !p.notified {
		return r
	} else {
		return notified{r, p.disk.streams}
	}
}

// go1 runs a part of the process until it is switched off. Parts begin one after another, so that
// their clocks do not tick together.
func (p *process) go1(name string, part func(context.Context) error) {
	p.running.Go(func() {
		if backoff.Sleep(p.ctx, between(p.run.dice.of(p.name+" starts "+name), time.Millisecond, 50*time.Millisecond)) != nil {
			return
		}
		if err := part(p.ctx); err != nil && p.ctx.Err() == nil {
			p.run.fail("%s: %s ended: %v", p.name, name, err)
		}
	})
}

// write runs what takes commands: journal, publisher and drainer.
func (p *process) write(ctx context.Context) error {
	table := p.part("writer").rows()
	sending := publisher.New(publisher.Config{Streams: p.part("publisher").records(), Stream: events, Woken: p.gather, Log: silent})
	sessions := 0
	c := journal.Config{
		Table: table, Outbox: sending, Origin: eventtest.Origin{}, Lease: lease, Log: silent,
		NewSession: func() string { sessions++; return fmt.Sprintf("%s-%d", p.name, sessions) },
	}
	var j *journal.Journal
	for pause := (backoff.Backoff{First: 50 * time.Millisecond, Most: time.Second}); ; {
		opening, cancel := context.WithTimeout(ctx, 5*time.Second)
		opened, err := journal.Open(opening, c)
		cancel()
		if j = opened; err == nil {
			break
		}
		if pause.Pause(ctx) != nil {
			return nil
		}
	}
	sending.SetAcked(j.Acked)
	drainer := publisher.NewDrainer(publisher.DrainConfig{
		Table: p.part("drainer").rows(), Publisher: sending, Self: j.Writer, Lease: lease, Exclusive: p.exclusive, Log: silent,
	})
	p.go1("publisher", sending.Run)
	p.go1("drainer", drainer.Run)
	p.mu.Lock()
	p.journal = j
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.journal = nil
	p.mu.Unlock()
	closing, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = j.Close(closing) // a process without power cannot save anything
	return nil
}

// gather waits a moment, so that a batch has all that is queued at the one before. Those who wait
// at once wait for the same time, and the first takes all.
func (p *process) gather() {
	pause(time.Duration(1 + mix(p.run.seed, fmt.Sprint(p.name, time.Now().UnixNano()))%50_000))
}

// runtime returns what the consumers of a process share.
func (p part) runtime() consumer.Runtime {
	return consumer.Runtime{
		Stream: events, Owner: p.process.name, Lease: lease, Exclusive: p.exclusive, Table: p.rows(), Streams: p.records(), Log: silent,
	}
}

func (p *process) balances(ctx context.Context) error {
	own := p.part("balances")
	return balance.NewProjector(balance.Config{
		Runtime: own.runtime(), Journal: journal.NewReader(own.rows()), Store: balance.NewStore(own.rows(), 0),
	}).Run(ctx)
}

func (p *process) limits(ctx context.Context) error {
	own := p.part("limits")
	return creditlimit.NewProjector(creditlimit.Config{
		Runtime: own.runtime(), Journal: journal.NewReader(own.rows()), Store: creditlimit.NewStore(own.rows(), 0), Notifications: notifications,
	}).Run(ctx)
}

func (p *process) archive(ctx context.Context) error {
	own := p.part("archive")
	a, err := archiver.New(archiver.Config{
		Bucket: own.objects(), Bank: eventtest.Bank, Format: eventtest.Origin{}.Format, SegmentAge: 3 * time.Second, Log: silent,
		Sealed: p.sealed,
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.archiver = a
	p.mu.Unlock()
	return consumer.New(consumer.Config{Runtime: own.runtime(), Name: archiver.Name, Open: a.Open}).Run(ctx)
}

// sealed tells those who wait for it of a segment that the archiver has sealed.
func (p *process) sealed(s segment.Sealed) {
	if p.run.keepsLog {
		p.log.Sealed(s)
	}
	if p.run.compacts {
		p.run.segments.add(s)
	}
}

// writer returns the journal that takes commands here, nil if none does.
func (p *process) writer() *journal.Journal {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.journal
}

// archives returns the archiver of the process, nil if it has not begun.
func (p *process) archives() *archiver.Archiver {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.archiver
}
