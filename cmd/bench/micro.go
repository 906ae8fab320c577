package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/account"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/platform"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// microEvents are decoded, folded and archived in one go; the rebuild takes all of historyEvents.
const microEvents = 200_000

// micro measures the codec and the archive within this process, and then a rebuild from what was
// archived, in the program that a user would run.
func (g *grammar) micro(ctx context.Context, r *report, records [][]byte) (err error) {
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
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + data})
	if err != nil {
		return err
	}
	engine, err := platform.Open(ctx, config, platform.Resources{}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return err
	}
	created := time.Now()
	var links [4]segment.Link
	for part := range slices.Chunk(records, microEvents) {
		shards, err := deal(part)
		if err != nil {
			return errors.Join(err, engine.Close())
		}
		runtime.GC()
		began := time.Now()
		rows, size, err := sealAll(ctx, engine.Bucket, created, &links, shards)
		if err != nil {
			return errors.Join(err, engine.Close())
		}
		r.add(measure{what: "archive written, events/s", target: 250_000}, float64(rows)/time.Since(began).Seconds())
		r.add(measure{what: "  bytes per event", untargeted: true, group: "archive"}, float64(size)/float64(rows))
	}
	return engine.Close()
}

// deal decodes records and puts each on its account's shard.
func deal(records [][]byte) (shards [4][]segment.Record, err error) {
	for _, record := range records {
		e, err := event.DecodeRecord(record)
		if err != nil {
			return shards, err
		}
		quarter := stream.HashKey(e.Tenant + "#" + e.AccountID)
		i := int(quarter.Rsh(quarter, 126).Int64())
		shards[i] = append(shards[i], segment.Record{Sequence: sequence(e), Arrived: e.RecordedAt, Entry: e})
	}
	return shards, nil
}

// sequence makes a sequence number that rises with time: microseconds since 1970.
func sequence(e *event.Entry) string { return strconv.FormatInt(e.RecordedAt.UnixMicro(), 10) }

// sealAll makes a segment of each shard, all at once, as an archiver that holds four shards does.
func sealAll(ctx context.Context, to bucket.Bucket, created time.Time, links *[4]segment.Link, shards [4][]segment.Record) (rows, size int64, err error) {
	var sealed [4]segment.Sealed
	group, ctx := errgroup.WithContext(ctx)
	for i, records := range shards {
		group.Go(func() (err error) {
			source := segment.Source{Stream: "bench", Created: created, Shard: "shardId-00000000000" + strconv.Itoa(i)}
			if sealed[i], err = seal(source, links[i], records); err != nil {
				return err
			}
			return to.Create(ctx, sealed[i].Key, sealed[i].Data)
		})
	}
	err = group.Wait()
	for i, s := range sealed {
		links[i] = segment.Link{Key: s.Key, Last: s.Footer.Last}
		rows, size = rows+s.Footer.Rows, size+int64(len(s.Data))
	}
	return rows, size, err
}

// seal makes a segment.
func seal(source segment.Source, previous segment.Link, records []segment.Record) (segment.Sealed, error) {
	w := segment.NewWriter(1, "", source, previous)
	for _, record := range records {
		if err := w.Append(record); err != nil {
			return segment.Sealed{}, err
		}
	}
	return w.Seal()
}

// sibling returns the path of a program in the directory of the bank.
func (g *grammar) sibling(name string) string { return filepath.Join(filepath.Dir(g.Bank), name) }
