package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/journal/restorer"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/segment"
	"passbook/shared/stream"
	"passbook/shared/table"
)

// maxArchived bounds the events of an archive.
const maxArchived = 100_000_000

// archiveCommand makes a bank of which the archive has everything and the journal one entry.
type archiveCommand struct {
	Data     string `required:"" placeholder:"DIR" help:"The new bank's data directory."`
	Events   int    `default:"1000000" help:"Events."`
	Accounts int    `default:"10000" help:"Accounts."`
	Segment  int    `default:"50000" help:"About how many events a segment has."`
	JSON     bool   `name:"json" help:"Print what was made as JSON."`
}

// Help returns what is made, and the example.
func (archiveCommand) Help() string {
	return "The same events each time, signed with the new bank's key, in four shards. replay journal puts them into its journal.\n\nExample:\n\n  bench archive --data big --events 10000000 --accounts 100000"
}

// Run makes the archive.
func (c *archiveCommand) Run(ctx context.Context, t *cli.Terminal) error {
	if c.Accounts < 1 || c.Accounts > maxAccounts || c.Events < c.Accounts || c.Events > maxArchived || c.Segment < 1 || c.Segment > microEvents {
		return cli.Usage("--accounts is from 1 to %d, --events from as many to %d, --segment from 1 to %d", maxAccounts, maxArchived, microEvents)
	}
	if _, err := os.Stat(c.Data); !errors.Is(err, os.ErrNotExist) {
		return cli.Usage("--data %s exists: the bank is a new one", c.Data)
	}
	made, err := makeArchive(ctx, c.Data, c.Events, c.Accounts, c.Segment)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(t.Out).Encode(made)
	}
	fmt.Fprintf(t.Out, "%d events of %d accounts, %.1f bytes each, archived at %s a second, in %s\n",
		made.Events, c.Accounts, float64(made.Bytes)/float64(made.Events), figure(made.perSecond(), ""), c.Data)
	return nil
}

// made is the size of an archive, and how long it took to seal and write its segments.
type made struct {
	Events  int64         `json:"events"`
	Bytes   int64         `json:"bytes"`
	Sealing time.Duration `json:"sealing_ns"`
}

// perSecond returns how many events were archived a second.
func (m made) perSecond() float64 { return float64(m.Events) / m.Sealing.Seconds() }

// makeArchive begins a bank in a data directory that does not exist, and makes its archive.
func makeArchive(ctx context.Context, data string, events, accounts, perSegment int) (m made, err error) {
	h, err := newHistory(accounts)
	if err != nil {
		return m, err
	}
	records, err := h.next(min(events, 4*perSegment))
	if err != nil {
		return m, err
	}
	err = withArchive(ctx, data, records[0], func(a *archived) error {
		for len(records) > 0 {
			shards, err := a.deal(records)
			if err != nil {
				return err
			}
			began := time.Now()
			rows, size, err := a.seal(ctx, shards)
			if err != nil {
				return err
			}
			m = made{m.Events + rows, m.Bytes + size, m.Sealing + time.Since(began)}
			records, err = h.next(min(events-h.n, 4*perSegment))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return m, err
}

// withArchive begins a bank in a data directory, puts the first record into its journal, and calls
// with its archive.
func withArchive(ctx context.Context, data string, first []byte, with func(*archived) error) (err error) {
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + data})
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	engine, err := platform.Open(ctx, config, jobs.Resources(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	a, err := newArchive(ctx, config, engine, log)
	if err == nil {
		err = a.open(ctx, engine.Table, first)
	}
	if err != nil {
		return err
	}
	return with(a)
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
			if err := a.bucket.Create(ctx, sealed[i].Key, sealed[i].Data); err != nil {
				return err
			}
			name, err := segment.ParseKey(sealed[i].Key)
			if err != nil {
				return err
			}
			return archive.NewEndMarker(name, sealed[i].Footer, false).Write(ctx, a.bucket)
		})
	}
	err = group.Wait()
	if err != nil {
		return 0, 0, err
	}
	for i, s := range sealed {
		a.links[i] = segment.Link{Key: s.Key, Last: s.Footer.Last, Sum: s.Footer.Sum}
		rows, size = rows+s.Footer.Rows, size+int64(len(s.Data))
	}
	return rows, size, err
}
