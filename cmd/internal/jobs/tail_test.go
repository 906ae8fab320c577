package jobs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/faults"
	"passbook/shared/progress"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// withStream opens a bank with its stream of events.
func withStream(t *testing.T) (b Bank, name string) {
	t.Helper()
	b = openBank(t)
	name = b.Config.Stream(deployment.EventStream)
	if err := b.CreateStream(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return b, name
}

// publish puts entries on the stream of events.
func publish(t *testing.T, b Bank, entries ...*event.Entry) (puts []stream.PutResult) {
	t.Helper()
	for _, e := range entries {
		e.State = nil
		enc, err := event.Seal(e, eventtest.Keys)
		if err != nil {
			t.Fatal(err)
		}
		record := stream.Record{PartitionKey: e.Tenant + "#" + e.AccountID, Data: enc.Record}
		put, err := b.Streams.Put(t.Context(), b.Config.Stream(deployment.EventStream), []stream.Record{record})
		if err != nil || put[0].Err != nil {
			t.Fatal(err, put)
		}
		puts = append(puts, put[0])
	}
	return puts
}

// A bank was killed with records on the stream that no segment has, and its journal was lost: a
// restore archives them first.
func TestRestoreArchivesTheStreamsTailFirst(t *testing.T) {
	b, name := withStream(t)
	created, err := b.Streams.Created(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	entries := archivetest.Bank(1, 1, 20)
	puts := publish(t, b, entries...)
	var records []segment.Record
	for i, e := range entries {
		records = append(records, segment.Record{Sequence: puts[i].Sequence, Arrived: time.Now().UTC().Truncate(time.Microsecond), Entry: e})
	}
	w := segment.NewWriter(1, "", segment.Source{Stream: name, Created: created, Shard: puts[0].Shard}, segment.Link{})
	for _, r := range records[:len(records)/2] {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Bucket.Create(t.Context(), sealed.Key, sealed.Data); err != nil {
		t.Fatal(err)
	}
	would, err := b.restore(t.Context(), JournalParams{DryRun: true}, progress.New())
	if err != nil || would.Lacking.Entries != int64(len(entries)/2) || would.Lacking.Accounts != 1 || would.Lacking.List[0].To != entries[len(entries)/2-1].Last {
		t.Errorf("a dry run: %+v, %v", would.Lacking, err)
	}
	if len(would.Lives) != 1 || would.Lives[0].Stream != name || would.Lives[0].Shards != 1 {
		t.Errorf("a dry run reads %v", would.Lives)
	}
	done, err := b.restore(t.Context(), JournalParams{}, progress.New())
	if err != nil || done.Lacking != nil || done.Entries != int64(len(entries)) {
		t.Errorf("restored %d of %d entries: %v", done.Entries, len(entries), err)
	}
}

// narrow gives one record a read, so that a short stream takes many reads.
type narrow struct{ stream.Stream }

func (n narrow) Get(ctx context.Context, iterator string, _ int) (stream.Batch, error) {
	return n.Stream.Get(ctx, iterator, 1)
}

// A reader of the tail is one of several of a shard: alone it is never refused, and where the
// others leave it little it waits.
func TestTailIsReadAtThePaceOfTheStream(t *testing.T) {
	scarce := faults.AWS
	scarce.ShardGets, scarce.ShardIterators = 0.5, 0.01
	for name, limits := range map[string]faults.Limits{"alone": faults.AWS, "beside others": scarce} {
		synctest.Test(t, func(t *testing.T) {
			b, _ := withStream(t)
			puts := publish(t, b, archivetest.Bank(1, 1, 20)...)
			want := puts[len(puts)-1]
			c := faults.NewClient(0)
			b.Streams = narrow{c.Stream(faults.NewLimitedStreams(b.Streams, limits))}
			for range 2 { // the second iterator is refused where they are scarce
				tips, err := b.tips(t.Context())
				if err != nil || len(tips) != 1 || tips[want.Shard] != want.Sequence {
					t.Errorf("%s: tips %v, %v, want %+v", name, tips, err, want)
				}
			}
			counts := c.Snapshot()
			if gets := counts.All(faults.Gets); gets < 2*float64(len(puts)) {
				t.Errorf("%s: %v reads of %d records", name, gets, len(puts))
			}
			if refused := counts.All(faults.Throttled); (refused > 0) != (limits == scarce) {
				t.Errorf("%s: refused %v times", name, refused)
			}
		})
	}
}

func TestReadingTheTailEndsWithItsJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := withStream(t)
		publish(t, b, archivetest.Bank(1, 1, 20)...)
		b.Streams = narrow{faults.NewClient(0).Stream(faults.NewLimitedStreams(b.Streams, faults.AWS))}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if tips, err := b.tips(ctx); err == nil {
			t.Errorf("tips %v of a stream that takes longer", tips)
		}
		if ctx.Err() == nil {
			t.Error("ended before its job")
		}
	})
}

// A shard that was read to its end has a checkpoint no more. It is not read again, whole.
func TestEndedShardsHaveNoTail(t *testing.T) {
	b, name := withStream(t)
	entries := archivetest.Bank(1, 20, 200)
	shard := publish(t, b, entries[:100]...)[0].Shard
	splitter, ok := b.Streams.(interface {
		Split(ctx context.Context, name, shard string) error
	})
	if !ok {
		t.Fatalf("%T cannot split", b.Streams)
	}
	if err := splitter.Split(t.Context(), name, shard); err != nil {
		t.Fatal(err)
	}
	publish(t, b, entries[100:]...)
	before, err := b.tips(t.Context())
	if err != nil || before[shard] == "" {
		t.Fatalf("tips %v, %v", before, err)
	}
	if err := b.archiveTail(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := b.tips(t.Context()); err != nil || len(after) != 0 {
		t.Errorf("of %v there is left %v, %v", before, after, err)
	}
}
