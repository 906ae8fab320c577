package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"passbook/shared/account"
	"passbook/shared/event"
)

// microEvents are decoded, folded and archived in one go; the rebuild takes all of historyEvents.
const microEvents = 200_000

// micro measures the codec and the archive within this process, and then a rebuild from what was
// archived, in the program that a user would run.
func (g *targets) micro(ctx context.Context, r *report, records [][]byte) (err error) {
	data, err := os.MkdirTemp("", "passbook-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	rate, err := decodeAndFold(records[:microEvents])
	if err != nil {
		return err
	}
	r.add(measure{what: "decoded and folded, events/s", target: 300_000}, rate)
	if err := archiveHistory(ctx, r, data, records); err != nil {
		return err
	}
	return g.rebuild(ctx, r, data)
}

// decodeAndFold measures a consumer without its store.
func decodeAndFold(records [][]byte) (rate float64, err error) {
	states := make(map[string]account.State, historyAccounts)
	events := 0
	runtime.GC()
	began := time.Now()
	for _, record := range records {
		e, err := event.DecodeRecord(record)
		if err != nil {
			return 0, err
		}
		s := states[e.AccountID]
		for _, ev := range e.Events {
			if s, err = account.Fold(s, ev); err != nil {
				return 0, err
			}
		}
		states[e.AccountID] = s
		events += len(e.Events)
	}
	return float64(events) / time.Since(began).Seconds(), nil
}

// archiveHistory writes the records to the archive of a data directory, as four shards in segments
// of microEvents each, and measures the first of them.
func archiveHistory(ctx context.Context, r *report, data string, records [][]byte) error {
	return withArchive(ctx, data, records[0], func(a *archived) error {
		for part := range slices.Chunk(records, microEvents) {
			shards, err := a.deal(part)
			if err != nil {
				return err
			}
			runtime.GC()
			began := time.Now()
			rows, size, err := a.seal(ctx, shards)
			if err != nil {
				return err
			}
			r.add(measure{what: "archive written, events/s", target: 250_000}, float64(rows)/time.Since(began).Seconds())
			r.add(measure{what: "  bytes per event", untargeted: true, group: "archive"}, float64(size)/float64(rows))
		}
		return nil
	})
}

// sibling returns the path of a program in the directory of the bank.
func (g *targets) sibling(name string) string { return filepath.Join(filepath.Dir(g.Bank), name) }
