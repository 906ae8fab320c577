package writeside

import (
	"context"
	"errors"
	"fmt"

	"passbook/cmd/internal/serve"
	"passbook/credit"
	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/publisher"
	"passbook/shared/telemetry"
	"passbook/shared/web"
	"passbook/withdraw"
)

// Writer is what a process takes commands with.
type Writer struct {
	Journal  *journal.Journal
	Withdraw *withdraw.Service
	Credit   *credit.Service
	// Forwarder sends a command to the writer of its account; nil where every command is decided
	// here.
	Forwarder api.Forwarder
	// Checks are what /readyz asks of a writer.
	Checks []web.Check
}

// Open opens a writer session on the process's stores and adds what runs beside the API: the
// publisher, the drainer of writers that died, and the listener for commands of other writers. The
// keeper gives the format of entries and signs them.
func Open(ctx context.Context, p *serve.Process, keeper *origin.Keeper) (*Writer, error) {
	publishing := publisher.New(publisher.Config{
		Streams: p.Engine.Streams, Stream: p.Stream(), Metrics: p.Registry, Log: p.Log, WaitingBytes: int64(p.Memory.Waiting),
		Compress: p.Config.CompressRecords(), Tracer: p.Tracer,
	})
	others, err := listen(ctx, p)
	if err != nil {
		return nil, err
	}
	w := &Writer{}
	w.Journal, err = journal.Open(ctx, journal.Config{
		Table: p.Engine.Table, Now: p.Now(), Outbox: publishing, Origin: keeper, Lease: p.Config.Lease, Metrics: p.Registry, Log: p.Log, Tracer: p.Tracer,
		Room: room(p.Engine.Space), Accounts: p.Memory.Accounts, Keys: p.Memory.Keys,
		Address: others.address, Secret: others.secret,
	})
	if err != nil {
		return nil, err
	}
	p.OnClose("journal", w.Journal.Close)
	publishing.SetAcked(w.Journal.Acked)
	drainer := publisher.NewDrainer(publisher.DrainConfig{
		Table: p.Engine.Table, Publisher: publishing, Self: w.Journal.Writer, Lease: p.Config.Lease, Exclusive: p.Engine.Exclusive, Log: p.Log,
	})
	dates := account.Window{Back: p.Config.EffectiveBack, Ahead: p.Config.EffectiveAhead}
	if w.Withdraw, err = withdraw.New(withdraw.Config{Journal: w.Journal, ValueDates: dates}); err != nil {
		return nil, err
	}
	if w.Credit, err = credit.New(credit.Config{Journal: w.Journal, ValueDates: dates}); err != nil {
		return nil, err
	}
	if err := w.connect(p, keeper, others); err != nil {
		return nil, err
	}
	p.Go(serve.UntilPublisher, "publisher", publishing.Run)
	p.Go(serve.UntilConsumers, "drainer", drainer.Run)
	p.OnDrain(w.Journal.Leave)
	p.At(serve.FinishCommands, "commands in progress", func(ctx context.Context) error {
		w.Journal.Stop()
		return w.Journal.Idle(ctx)
	})
	p.At(serve.PublishQueue, "queue of the publisher", publishing.Drained)
	w.check(p, publishing)
	return w, nil
}

// check adds what /readyz asks of a writer. A clock that is behind an account and a volume that is
// nearly full cost only commands: the process still serves.
func (w *Writer) check(p *serve.Process, publishing *publisher.Publisher) {
	w.Checks = append(w.Checks,
		web.Check{Name: "journal", Ready: func(ctx context.Context) error {
			if err := w.Journal.Ready(); err != nil {
				return err
			}
			return serve.Readable(ctx, w.Journal.Reader)
		}},
		web.Check{Name: "stream", Problem: web.Overloaded, Ready: func(context.Context) error { return publishing.Ready() }},
		web.Check{Name: "clock", Problem: api.ClockSkew, Advisory: true, Ready: clockOf(w.Journal.Clock)})
	if space := p.Engine.Space; space != nil {
		w.Checks = append(w.Checks,
			web.Check{Name: "storage", Problem: api.StorageFull, Advisory: true, Ready: func(context.Context) error { return space.Check() }})
		telemetry.Gauge(p.Registry, "storage_free_bytes", "Free bytes on the volume of the data directory.", space.Free)
		telemetry.Gauge(p.Registry, "storage_floor_bytes", "Free bytes below which commands are refused.", space.Floor)
	}
}

// clockOf returns the check of the clock. The account that is ahead is named only to who may see
// its tenant.
func clockOf(clock func() error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		err := clock()
		var of interface{ Tenant() string }
		if errors.As(err, &of) && !access.From(ctx).Sees(of.Tenant()) {
			return errors.New("an account of another tenant is ahead of this machine's clock")
		}
		return err
	}
}

// room returns what the journal asks before a commit: why there is no room for it. It is nil where
// nobody watches the volume.
func room(space *platform.Space) func() error {
	if space == nil {
		return nil
	}
	return func() error {
		if err := space.Check(); err != nil {
			return fmt.Errorf("%w: %w", journal.ErrStorageFull, err)
		}
		return nil
	}
}

// Sweeper makes the sweeper, which writes down holds and limits that expire. Each of its commands
// goes to the writer of its account.
func (w *Writer) Sweeper(p *serve.Process) *withdraw.Sweeper {
	expire := w.Withdraw.ExpireOperation()
	return withdraw.NewSweeper(withdraw.SweeperConfig{Table: p.Engine.Table, Now: p.Now(), Moved: p.ClockMoved(), Log: p.Log, Expire: func(ctx context.Context, a event.Account) error {
		return expire.Command(ctx, w.Forwarder, a, telemetry.Correlation(ctx))
	}})
}
