package serve

import (
	"context"
	"fmt"
	"passbook/shared/api"
	"passbook/shared/event"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/cmd/internal/jobs"
	"passbook/credit"
	"passbook/shared/account"
	"passbook/shared/journal"
	"passbook/shared/publisher"
	"passbook/shared/telemetry"
	"passbook/shared/web"
	"passbook/withdraw"
)

// writers fits the journal, which all command services of a process share, the publisher behind it,
// and the drainer of those that died.
func writers(ctx context.Context, p *Process) (err error) {
	metrics := prometheus.WrapRegistererWithPrefix("passbook_", p.registry)
	p.publisher = publisher.New(publisher.Config{
		Streams: p.engine.Streams, Stream: p.config.Stream(jobs.EventStream), Metrics: metrics, Log: p.log,
		WaitingBytes: int64(p.memory.Waiting),
	})
	c := journal.Config{
		Table: p.engine.Table, Outbox: p.publisher, Lease: p.config.Lease, Metrics: metrics, Log: p.log,
		Room: p.room(), Accounts: p.memory.Accounts, Keys: p.memory.Keys,
	}
	if err := p.listenPeers(ctx, &c); err != nil {
		return err
	}
	if p.journal, err = journal.Open(ctx, c); err != nil {
		return err
	}
	if p.withdraw, err = withdraw.New(withdraw.Config{Journal: p.journal, ValueDates: p.valueDates()}); err != nil {
		return err
	}
	if p.credit, err = credit.New(credit.Config{Journal: p.journal, ValueDates: p.valueDates()}); err != nil {
		return err
	}
	if err := p.fitPeers(c.Secret, metrics); err != nil {
		return err
	}
	p.history = p.journal.Reader
	p.publisher.SetAcked(p.journal.Acked)
	drainer := publisher.NewDrainer(publisher.DrainConfig{
		Table: p.engine.Table, Publisher: p.publisher, Self: p.journal.Writer, Lease: p.config.Lease, Alone: p.engine.Exclusive, Log: p.log,
	})
	p.sending = append(p.sending, part{"publisher", p.publisher.Run})
	p.working = append(p.working, part{"drainer", drainer.Run})
	p.checks = append(p.checks,
		web.Check{Name: "journal", Ready: p.journalReady},
		web.Check{Name: "stream", Problem: web.Overloaded, Ready: func(context.Context) error { return p.publisher.Ready() }})
	p.watchSpace()
	return nil
}

// room is why nothing may be committed for want of room; nil where nobody can say.
func (p *Process) room() func() error {
	space := p.engine.Space
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

// watchSpace says in /readyz?verbose and the metrics how much room there is, and which account's
// time is ahead of the clock. Either costs only commands: the process serves on.
func (p *Process) watchSpace() {
	p.checks = append(p.checks, web.Check{Name: "clock", Problem: api.ClockSkew, Advisory: true, Ready: func(context.Context) error { return p.journal.Clock() }})
	space := p.engine.Space
	if space == nil {
		return
	}
	p.checks = append(p.checks, web.Check{Name: "storage", Problem: api.StorageFull, Advisory: true, Ready: func(context.Context) error { return space.Check() }})
	telemetry.Gauge(p.registry, "storage_free_bytes", "Room on the volume of the data directory.", space.Free)
	telemetry.Gauge(p.registry, "storage_floor_bytes", "Room below which commands are refused.", space.Floor)
}

// journalReady says whether commands can be taken.
func (p *Process) journalReady(ctx context.Context) error {
	if err := p.journal.Ready(); err != nil {
		return err
	}
	return p.historyReady(ctx)
}

// historyReady says whether the journal can be read.
func (p *Process) historyReady(ctx context.Context) error {
	_, err := p.history.Head(ctx, event.Account{Tenant: api.Tenant, ID: "readyz"})
	return err
}

// withdrawals fits the commands that take money out, and the sweeper of what expires.
func withdrawals(_ context.Context, p *Process) error {
	p.commands = append(p.commands, p.withdraw.Operations()...)
	expire := p.withdraw.ExpireOperation()
	sweeper := withdraw.NewSweeper(withdraw.SweeperConfig{Table: p.engine.Table, Log: p.log, Expire: func(ctx context.Context, a event.Account) error {
		return expire.Command(ctx, p.forwarder, a.ID, "sweep-"+uuid.NewString())
	}})
	p.asking = append(p.asking, part{"sweeper", sweeper.Run})
	return nil
}

// valueDates is the bank's window of value dates.
func (p *Process) valueDates() account.Window {
	return account.Window{Back: p.config.EffectiveBack, Ahead: p.config.EffectiveAhead}
}

// credits fits the commands that bring money in.
func credits(_ context.Context, p *Process) error {
	p.commands = append(p.commands, p.credit.Operations()...)
	return nil
}
