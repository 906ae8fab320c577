package tip

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/consumer"
	"passbook/shared/control"
	"passbook/shared/embedded"
	"passbook/shared/faults"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table/pebbletable"
)

const events = "events"

// fleet is the stores that all processes of a test share, with the limits of AWS.
type fleet struct {
	t       *testing.T
	raw     *pebblestream.Stream
	streams *faults.LimitedStreams
	fanOut  *faults.FanOut
	tables  *faults.LimitedTables
	rows    control.Rows
	sent    int
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: vfs.NewMem(), NoSync: true, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	rows, err := pebbletable.New(db, control.Schema)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pebblestream.New(db, pebblestream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.CreateStream(t.Context(), events, 1); err != nil {
		t.Fatal(err)
	}
	tables, err := faults.NewLimitedTables(rows, faults.TablesConfig{}, control.Schema)
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{t: t, raw: raw, streams: faults.NewLimitedStreams(raw, faults.AWS), fanOut: faults.NewFanOut(raw), tables: tables, rows: control.Feeds(rows, events)}
}

// process is a process of the fleet.
type process struct {
	*Tips
	*faults.Client
	stop func()
}

func (f *fleet) process(name string, changes ...func(*process)) *process {
	f.t.Helper()
	c := faults.NewClient(5 * time.Millisecond)
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{Client: c, Tips: New(Config{
		Stream: events, Streams: f.fanOut.Stream(c.Stream(f.streams)), Table: c.Table(f.tables), Owner: name + "/" + name,
		Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})}
	for _, change := range changes {
		change(p)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.Run(ctx); err != nil {
			f.t.Error(err)
		}
	})
	p.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	f.t.Cleanup(p.stop)
	return p
}

// shard returns the only shard.
func (f *fleet) shard() consumer.Shard {
	f.t.Helper()
	shards, err := f.raw.Shards(f.t.Context(), events)
	if err != nil {
		f.t.Fatal(err)
	}
	return consumer.Shard{Stream: events, ID: shards[0].ID, FirstHash: shards[0].FirstHash, LastHash: shards[0].LastHash}
}

// send puts records, each with its number.
func (f *fleet) send(n int) {
	f.t.Helper()
	for range n {
		if _, err := f.raw.Put(f.t.Context(), events, []stream.Record{{PartitionKey: "a", Data: fmt.Append(nil, f.sent)}}); err != nil {
			f.t.Fatal(err)
		}
		f.sent++
	}
}

// reader is a feed that reads the newest records.
type reader struct {
	f    *fleet
	r    *Reader
	got  []string
	err  error
	done func()
}

// read begins a feed at the newest record.
func (f *fleet) read(p *process) (*reader, error) {
	leave, err := p.Enter(f.t.Context())
	if err != nil {
		return nil, err
	}
	opened, closed, err := p.Open(f.t.Context(), f.shard())
	if err != nil {
		return nil, err
	}
	r, joined := opened.Join(Place{Latest: true})
	if !joined {
		return nil, ErrLost
	}
	return &reader{f: f, r: r, done: func() { closed(); leave() }}, nil
}

func (f *fleet) mustRead(p *process) *reader {
	f.t.Helper()
	r, err := f.read(p)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// until reads until the newest record that was sent, for at most a time.
func (r *reader) until(most time.Duration) {
	ctx, cancel := context.WithTimeout(r.f.t.Context(), most)
	defer cancel()
	last := fmt.Sprint(r.f.sent - 1)
	for r.err == nil && !slices.Contains(r.got, last) {
		if r.err = r.r.Await(ctx, time.Second); r.err != nil {
			return
		}
		var b Batch
		b, r.err = r.r.Read()
		for _, record := range b.Records {
			r.got = append(r.got, string(record.Data))
		}
	}
}

// has checks that a reader has got the records of numbers from..to-1, once and in order.
func (r *reader) has(from, to int) {
	r.f.t.Helper()
	var want []string
	for n := from; n < to; n++ {
		want = append(want, fmt.Sprint(n))
	}
	if r.err != nil || !slices.Equal(r.got, want) {
		r.f.t.Fatalf("got %v, %v, want %v", r.got, r.err, want)
	}
}

func (f *fleet) consumers() (names []string) {
	f.t.Helper()
	list, err := f.fanOut.Consumers(f.t.Context(), events)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range list {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}
