package delivery

import (
	"context"
	"errors"
	"sync"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/event"
	"passbook/shared/webhook"
)

// Consumer is the name under which the stream is read.
const Consumer = "webhooks"

// parallelRaises is how many rows of a batch are written at once.
const parallelRaises = 16

// gather is how long records gather before they are read.
const gather = 50 * time.Millisecond

// Consumer returns what reads the stream for the deliverer. It reads slowly where each read counts,
// as the shards of Kinesis have places for few readers, and elsewhere many records at once.
func (d *Deliverer) Consumer(r consumer.Runtime) consumer.Config {
	return consumer.Config{
		Runtime: r, Name: Consumer, Open: d.Open, Accounts: d.config.Journal.Accounts, Heal: d.heal,
		Slow: func() bool { return true }, Gather: gather, Idle: d.idle,
	}
}

// idle reports that there is no endpoint, so that nothing that was read before is to be sent.
func (d *Deliverer) idle(ctx context.Context) bool {
	set, err := d.config.Registry.Current(ctx)
	return err == nil && len(set.All()) == 0
}

// heal raises the rows of an account whose records the stream has lost, to the end of the journal.
func (d *Deliverer) heal(ctx context.Context, a event.Account) error {
	set, err := d.config.Registry.Current(ctx)
	if err != nil {
		return err
	}
	for _, e := range set.Of(a.Tenant) {
		if err := d.raiseNewest(ctx, e, a); err != nil {
			return err
		}
	}
	return nil
}

// Open returns the handler of a shard, as a consumer.Opener. While it is open, the deliverer sends
// the events of the shard's accounts.
func (d *Deliverer) Open(_ context.Context, s consumer.Shard, _ string) (consumer.Handler, error) {
	d.own(s)
	return &handler{d: d, shard: s}, nil
}

// handler raises the rows of the accounts of one shard.
type handler struct {
	d     *Deliverer
	shard consumer.Shard
}

// raising is the newest entry of an account that an endpoint wants.
type raising struct {
	endpoint *webhook.Endpoint
	entry    *event.Entry
}

// Handle raises the rows of all entries of a batch that an endpoint wants. When it returns the last
// sequence number, everything is stored.
func (h *handler) Handle(ctx context.Context, b consumer.Batch) (string, error) {
	if len(b.Deliveries) == 0 {
		return "", nil
	}
	// read after the batch: what was recorded after an endpoint was stored finds it
	set, err := h.d.config.Registry.Current(ctx)
	if err != nil {
		return "", err
	}
	wanted := map[string]raising{}
	for _, delivery := range b.Deliveries {
		entry := delivery.Entry
		if entry == nil {
			continue // no entry of the bank; the read models count it
		}
		for _, e := range set.Of(entry.Tenant) {
			if !e.Of(entry.Account()) || !e.WantsAny(entry) {
				continue
			}
			name := e.ID + "#" + delivery.PartitionKey
			if known, ok := wanted[name]; !ok || known.entry.Last < entry.Last {
				wanted[name] = raising{e, entry}
			}
		}
	}
	if err := h.raiseAll(ctx, wanted); err != nil {
		return "", err
	}
	return b.Deliveries[len(b.Deliveries)-1].Sequence, nil
}

// raiseAll raises rows, several at once.
func (h *handler) raiseAll(ctx context.Context, wanted map[string]raising) error {
	var (
		wait   sync.WaitGroup
		places = make(chan struct{}, parallelRaises)
		mu     sync.Mutex
		failed error
	)
	for _, w := range wanted {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			due, err := h.d.store.raise(ctx, w.endpoint, w.entry)
			if due {
				h.d.nudge(w.endpoint.ID, w.entry.Account())
			}
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
		})
	}
	wait.Wait()
	return failed
}

// Close ends the attempts for accounts of the shard: another process sends to them now.
func (h *handler) Close() error {
	h.d.release(h.shard)
	return nil
}
