package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"passbook/shared/control"
	"passbook/shared/table"
)

// sweepEvery is the time between two looks for rows of processes that are gone.
const sweepEvery = Forgotten / 2

// Heartbeat keeps the row of this process.
type Heartbeat struct {
	table table.Table
	keys  Keys
	self  Process
	log   *slog.Logger

	once sync.Once
	left chan struct{} // closed by Leave

	// epoch is that of the row as it was last written, 0 before.
	epoch int64
	// failing says that the last write failed, shared that another process wrote the row.
	failing, shared bool
	watch           control.Watch
}

// NewHeartbeat makes the heartbeat of a process, which Run writes.
func NewHeartbeat(t table.Table, keys Keys, self Process, log *slog.Logger) *Heartbeat {
	for _, text := range []*string{&self.Instance, &self.Version, &self.Host} {
		*text = (*text)[:min(len(*text), maxText)]
	}
	return &Heartbeat{table: t, keys: keys, self: self, log: log, left: make(chan struct{})}
}

// Leave has Run remove the row and end: the process still answers, but wants no further calls.
func (h *Heartbeat) Leave() { h.once.Do(func() { close(h.left) }) }

// Run writes the row until ctx ends or Leave is called, and then removes it. A write that fails is
// logged and tried again.
func (h *Heartbeat) Run(ctx context.Context) error {
	beats, sweeps := time.NewTicker(Every), time.NewTicker(sweepEvery)
	defer beats.Stop()
	defer sweeps.Stop()
	h.note(h.beat(ctx))
	for {
		select {
		case <-beats.C:
			h.note(h.beat(ctx))
		case <-sweeps.C:
			if err := h.sweep(ctx); err != nil && ctx.Err() == nil {
				h.log.Warn("the rows of processes that are gone stay for now; it is tried again", "error", err)
			}
		case <-ctx.Done():
			return h.remove(context.WithoutCancel(ctx))
		case <-h.left:
			return h.remove(context.WithoutCancel(ctx))
		}
	}
}

// note logs when writing the row begins to fail, and when it works again.
func (h *Heartbeat) note(err error) {
	switch {
	case err != nil && !h.failing:
		h.log.Warn("the row of this process cannot be written, so that the console does not find it; it is tried again", "error", err)
	case err == nil && h.failing:
		h.log.Info("the row of this process is written again")
	}
	h.failing = err != nil
}

// beat writes the row over the one that is there.
func (h *Heartbeat) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	err := h.put(ctx, h.epoch)
	if !errors.Is(err, table.ErrConditionFailed) {
		return err
	}
	// It is from an earlier start, from a write that got no answer, or another process's.
	row, err := rows(h.table).Get(ctx, h.self.key())
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return fmt.Errorf("read the row of %s: %w", h.self.key(), err)
	}
	was, epoch, genuine := parse(row, h.keys)
	if h.epoch != 0 && genuine && !was.Started.Equal(h.self.Started) && !h.shared {
		h.shared = true
		h.log.Warn("another process has the same name, so that the console finds one of the two: name each with --instance", "instance", h.self.Instance, "started", was.Started)
	}
	return h.put(ctx, epoch)
}

// put writes the row over that of an epoch, 0 for none.
func (h *Heartbeat) put(ctx context.Context, over int64) error {
	next, self := over+1, h.self
	self.beat = time.Now()
	if err := rows(h.table).Put(ctx, self.key(), self.attrs(next, h.keys), control.Revision(over)); err != nil {
		return fmt.Errorf("write the row of %s: %w", h.self.key(), err)
	}
	h.epoch = next
	return nil
}

// remove removes the row. One that another process has written stays.
func (h *Heartbeat) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	err := rows(h.table).Delete(ctx, h.self.key(), table.N(h.epoch))
	if h.epoch == 0 || errors.Is(err, table.ErrConditionFailed) {
		return nil
	}
	if err != nil {
		h.log.Warn("the row of this process stays for now; another process removes it", "error", err)
	}
	return nil
}

// sweep removes the rows that did not move for Forgotten.
func (h *Heartbeat) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	list, err := rows(h.table).Range(ctx, "", "", false, MaxProcesses)
	if err != nil {
		return err
	}
	now, epochs := time.Now(), map[string]int64{}
	for _, row := range list {
		epochs[row.SK] = row.Attrs.Number("epoch")
	}
	h.watch.Observe(epochs, now)
	for _, row := range list {
		if h.watch.Silent(row.SK, now) < Forgotten {
			continue
		}
		if err := rows(h.table).Delete(ctx, row.SK, rows(h.table).Version(row)); err != nil && !errors.Is(err, table.ErrConditionFailed) {
			return fmt.Errorf("delete the row of %s: %w", row.SK, err)
		}
	}
	return nil
}

// cut returns the service and instance of a row's key.
func cut(key string) (service, instance string, ok bool) {
	service, instance, ok = strings.Cut(key, "#")
	return service, instance, ok && service != "" && instance != ""
}
