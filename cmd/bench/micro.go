package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/shared/account"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal/restorer"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/segment"
	"passbook/shared/stream"
	"passbook/shared/table"
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
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + data})
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	engine, err := platform.Open(ctx, config, jobs.Resources(), log)
	if err != nil {
		return err
	}
	a, err := newArchive(ctx, config, engine, log)
	if err == nil {
		err = a.open(ctx, engine.Table, records[0])
	}
	if err != nil {
		return errors.Join(err, engine.Close())
	}
	for part := range slices.Chunk(records, microEvents) {
		shards, err := a.deal(part)
		if err != nil {
			return errors.Join(err, engine.Close())
		}
		runtime.GC()
		began := time.Now()
		rows, size, err := a.seal(ctx, shards)
		if err != nil {
			return errors.Join(err, engine.Close())
		}
		r.add(measure{what: "archive written, events/s", target: 250_000}, float64(rows)/time.Since(began).Seconds())
		r.add(measure{what: "  bytes per event", untargeted: true, group: "archive"}, float64(size)/float64(rows))
	}
	return engine.Close()
}

// archived is the archive of a new bank, of four shards.
type archived struct {
	bucket bucket.Bucket
	stream string
	bank   origin.Bank
	keys   *event.Keyring
	// created is when the stream was, links the ends of the shards' chains.
	created time.Time
	links   [4]segment.Link
}

// newArchive begins a bank on the stores of an engine and returns its archive.
func newArchive(ctx context.Context, config platform.Config, engine *platform.Engine, log *slog.Logger) (*archived, error) {
	err := engine.Prepare(ctx)
	if err == nil {
		err = deployment.Stores(config, engine, log).Begin(ctx)
	}
	if err != nil {
		return nil, err
	}
	a := &archived{bucket: engine.Bucket, stream: config.Stream(deployment.EventStream), created: time.Now()}
	a.bank, err = origin.ReadBank(ctx, engine.Table)
	if err == nil {
		a.keys, err = origin.Keyring(ctx, engine.Table, engine.Keys, a.bank.ID)
	}
	return a, err
}

// open puts the first entry into the journal: replay rebuilds nothing beside one that is lost.
func (a *archived) open(ctx context.Context, t table.Table, record []byte) error {
	e, err := event.DecodeRecord(record)
	if err != nil {
		return err
	}
	e.MAC = a.keys.Sign(e.Hash)
	state, err := account.Fold(account.State{}, e.Events[0])
	if err != nil {
		return err
	}
	return restorer.New(t).Restore(ctx, e, state)
}

// deal decodes records, signs them for the bank and puts each on its account's shard.
func (a *archived) deal(records [][]byte) (shards [4][]segment.Record, err error) {
	for _, record := range records {
		e, err := event.DecodeRecord(record)
		if err != nil {
			return shards, err
		}
		e.MAC = a.keys.Sign(e.Hash)
		quarter := stream.HashKey(e.Account().String())
		i := int(quarter.Rsh(quarter, 126).Int64())
		shards[i] = append(shards[i], segment.Record{Sequence: sequence(e), Arrived: e.RecordedAt, Entry: e})
	}
	return shards, nil
}

// sequence makes a sequence number that rises with time: microseconds since 1970.
func sequence(e *event.Entry) string { return strconv.FormatInt(e.RecordedAt.UnixMicro(), 10) }

// seal makes a segment of each shard, all at once, as an archiver that holds four shards does.
func (a *archived) seal(ctx context.Context, shards [4][]segment.Record) (rows, size int64, err error) {
	var sealed [4]segment.Sealed
	group, ctx := errgroup.WithContext(ctx)
	for i, records := range shards {
		group.Go(func() (err error) {
			source := segment.Source{Stream: a.stream, Created: a.created, Shard: "shardId-00000000000" + strconv.Itoa(i)}
			w := segment.NewWriter(a.bank.Format, a.bank.ID, source, a.links[i])
			for _, record := range records {
				if err := w.Append(record); err != nil {
					return err
				}
			}
			if sealed[i], err = w.Seal(); err != nil {
				return err
			}
			return a.bucket.Create(ctx, sealed[i].Key, sealed[i].Data)
		})
	}
	err = group.Wait()
	for i, s := range sealed {
		a.links[i] = segment.Link{Key: s.Key, Last: s.Footer.Last, Sum: s.Footer.Sum}
		rows, size = rows+s.Footer.Rows, size+int64(len(s.Data))
	}
	return rows, size, err
}

// sibling returns the path of a program in the directory of the bank.
func (g *targets) sibling(name string) string { return filepath.Join(filepath.Dir(g.Bank), name) }
