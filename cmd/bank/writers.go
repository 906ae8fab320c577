package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/cmd/internal/jobs"
	"passbook/credit"
	"passbook/shared/journal"
	"passbook/shared/publisher"
	"passbook/shared/web"
	"passbook/withdraw"
)

// openWriters makes the journal, which withdraw and credit share, the publisher behind it, and the two services.
func (b *bank) openWriters(ctx context.Context) error {
	metrics := prometheus.WrapRegistererWithPrefix("passbook_", b.registry)
	b.publisher = publisher.New(publisher.Config{Streams: b.engine.Streams, Stream: b.config.Stream(jobs.EventStream), Metrics: metrics})
	var err error
	b.journal, err = journal.Open(ctx, journal.Config{Table: b.engine.Table, Outbox: b.publisher, Lease: b.config.Lease, Metrics: metrics})
	if err != nil {
		return err
	}
	b.publisher.SetAcked(b.journal.Acked)
	b.drainer = publisher.NewDrainer(publisher.DrainConfig{
		Table: b.engine.Table, Publisher: b.publisher, Self: b.journal.Writer, Lease: b.config.Lease, Alone: b.engine.Exclusive, Log: b.log,
	})
	if b.withdraw, err = withdraw.New(withdraw.Config{Journal: b.journal}); err != nil {
		return err
	}
	b.sweeper = withdraw.NewSweeper(withdraw.SweeperConfig{Table: b.engine.Table, Log: b.log, Expire: b.expire})
	b.credit, err = credit.New(credit.Config{Journal: b.journal})
	return err
}

// expire writes down what has run out on an account.
func (b *bank) expire(ctx context.Context, a journal.Account) error {
	_, err := b.withdraw.Expire(ctx, a, "sweep-"+uuid.NewString())
	return err
}

// journalReady is the check that commands can be taken.
func (b *bank) journalReady() web.Check {
	return web.Check{Name: "journal", Ready: func(ctx context.Context) error {
		if b.publisher.Full() {
			return fmt.Errorf("too much waits for the stream")
		}
		_, err := b.journal.Head(ctx, journal.Account{Tenant: web.Tenant, ID: "readyz"})
		return err
	}}
}
