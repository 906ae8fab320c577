package publisher

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/stream"
)

// entryOf returns an entry of a format in which so many commands met, and its record.
func entryOf(t *testing.T, format, commands int) (*event.Entry, []byte) {
	t.Helper()
	e := &event.Entry{
		Format: format, Tenant: "main", AccountID: "A-1", First: 2, Last: int64(commands) + 1, Currency: "EUR",
		RecordedAt: time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC), Prev: event.Hash{1},
	}
	for i := range commands {
		v := event.New(event.MoneyCredited{Amount: int64(i) + 1, Kind: event.KindDeposit})
		v.Version, v.Command, v.EffectiveAt = e.First+int64(i), i, e.RecordedAt.Truncate(24*time.Hour)
		v.Currency, v.RecordedAt = e.Currency, e.RecordedAt
		e.Events = append(e.Events, v)
		e.Commands = append(e.Commands, event.Command{Key: fmt.Sprint("key-", i), First: v.Version, Last: v.Version, Status: 201})
	}
	enc, err := event.Seal(e, eventtest.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return e, enc.Record
}

// recorder is a stream that takes everything and keeps it.
type recorder struct {
	stream.Stream
	mu      sync.Mutex
	records [][]byte
	puts    int
}

func (r *recorder) Put(_ context.Context, _ string, records []stream.Record) ([]stream.PutResult, error) {
	if err := stream.CheckPut(records); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.puts++
	for _, record := range records {
		r.records = append(r.records, record.Data)
	}
	return make([]stream.PutResult, len(records)), nil
}

// A record of format 2 is JSON on the stream, however large, unless compression is asked for; one
// of format 1 is as it always was. Each is read as the entry that it was made of.
func TestRecordsAreCompressedOnlyWhereThatIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		name                 string
		format, commands     int
		compress, compressed bool
	}{
		{"a single command", 2, 1, false, false},
		{"a single command, compression", 2, 1, true, false},
		{"500 commands", 2, 500, false, false},
		{"500 commands, compression", 2, 500, true, true},
		{"500 commands of format 1", 1, 500, false, true},
		{"500 commands of format 1, compression", 1, 500, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, record := entryOf(t, c.format, c.commands)
			for _, send := range []func(to *recorder) error{
				func(to *recorder) error {
					p := New(Config{Streams: to, Compress: c.compress})
					p.Publish(journal.Committed{Account: e.Account(), Record: record})
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					go func() { _ = p.Run(ctx) }()
					return p.Drained(t.Context())
				},
				func(to *recorder) error {
					s := Sender{Streams: to, Compress: c.compress}
					return s.Send(t.Context(), stream.Record{PartitionKey: "main#A-1", Data: record})
				},
			} {
				to := &recorder{}
				if err := send(to); err != nil || len(to.records) != 1 {
					t.Fatalf("%d records, %v", len(to.records), err)
				}
				if got := bytes.Contains(to.records[0], []byte(`,"enc":"zstd",`)); got != c.compressed {
					t.Errorf("compressed is %v: %.300s", got, to.records[0])
				}
				if !c.compress && !bytes.Equal(to.records[0], record) {
					t.Errorf("the record was changed: %.300s", to.records[0])
				}
				read, err := event.DecodeRecord(to.records[0])
				if err != nil {
					t.Fatal(err)
				}
				if read.Hash != e.Hash || read.MAC != e.MAC || len(read.Events) != c.commands {
					t.Errorf("read as v%d to v%d, hash %s, mac %s", read.First, read.Last, read.Hash, read.MAC)
				}
			}
		})
	}
}

// The largest records that there are, of more accounts than one put takes bytes: each put is within
// the limits, and a shard of 1 MB a second is given each record once it has room for it.
func TestLargestRecordsKeepTheLimitsOfTheStream(t *testing.T) {
	const accounts = 100
	record := bytes.Repeat([]byte("x"), event.MaxEntryBytes)
	t.Run("a put", func(t *testing.T) {
		to := &recorder{}
		p := New(Config{Streams: to})
		for i := range accounts {
			p.Publish(journal.Committed{Account: accountNamed(i), Record: record})
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = p.Run(ctx) }()
		if err := p.Drained(t.Context()); err != nil || len(to.records) != accounts {
			t.Errorf("%d records, %v", len(to.records), err)
		}
		if least := accounts * len(record) / stream.MaxPutBytes; to.puts < least {
			t.Errorf("%d puts, but %d are needed", to.puts, least)
		}
	})
	t.Run("a shard", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			shared := faults.NewLimitedStreams(r.streams, faults.Limits{})
			p := New(Config{Streams: faults.NewClient(5 * time.Millisecond).Stream(shared), Stream: events})
			for i := range accounts {
				p.Publish(journal.Committed{Account: accountNamed(i), Record: record})
			}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = p.Run(ctx) })
			began := time.Now()
			if err := p.Drained(t.Context()); err != nil {
				t.Fatal(err)
			}
			// if all fell on one shard, and half of the time were lost
			took, bound := time.Since(began), 2*accounts*time.Duration(len(record))*time.Second/(1<<20)
			if took > bound || p.Ready() != nil {
				t.Errorf("took %v, want at most %v; ready: %v", took, bound, p.Ready())
			}
			cancel()
			running.Wait()
		})
	})
}
