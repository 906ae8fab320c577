package replay_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"go.uber.org/goleak"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/readmodel"
	"passbook/shared/replay"
	"passbook/shared/replay/spill"
	"passbook/shared/segment"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testModel is a read model that shows the account's whole state.
var testModel = readmodel.Model[account.State]{
	Name: "standing",
	Fold: account.Fold,
	After: func(s account.State) event.After {
		return event.After{Posted: s.Posted, Held: s.Held, Limit: s.Limit}
	},
	Encode: func(attrs table.Map, _ int64, _ event.Account, s account.State) {
		attrs["posted"] = table.N(s.Posted)
		attrs["state"] = table.S(account.AppendState(nil, s))
	},
	Decode: func(a table.Map) (account.State, error) { return account.ParseState([]byte(a.Text("state"))) },
}

// env has a bank's stores.
type env struct {
	table  table.Table
	stream *faults.Stream
	bucket bucket.Bucket
	rows   *readmodel.Rows[account.State]
	reader *journal.Reader
}

func newEnv(t testing.TB) *env {
	t.Helper()
	store := storetest.Memory(t, pebblestream.Options{}, append([]table.Schema{{Name: testModel.Name}}, journal.Schemas...)...)
	e := &env{table: store.Table, stream: store.Streams}
	var err error
	e.bucket, err = dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e.rows = readmodel.NewRows(e.table, testModel, 0)
	e.reader = journal.NewReader(e.table)
	return e
}

func (e *env) projection(generation int64) *readmodel.Projection[account.State] {
	return e.projectionInto(e.rows, generation)
}

// projectionInto returns a projection into rows of another table or model.
func (e *env) projectionInto(rows *readmodel.Rows[account.State], generation int64) *readmodel.Projection[account.State] {
	return readmodel.NewProjection(readmodel.ProjectionConfig[account.State]{
		Generation: generation, Rows: rows, Journal: e.reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

// archive puts records into the bucket as segments of a shard, so many records each.
func (e *env) archive(t testing.TB, shard string, records []segment.Record, perSegment int) {
	t.Helper()
	e.archiveIn(t, archivetest.Start.Truncate(time.Second), shard, records, perSegment)
}

// archiveIn archives as archive does, in the incarnation of the stream that was created then.
func (e *env) archiveIn(t testing.TB, created time.Time, shard string, records []segment.Record, perSegment int) {
	t.Helper()
	source := segment.Source{Stream: "passbook-events", Created: created, Shard: shard}
	var link segment.Link
	for len(records) > 0 {
		w := segment.NewWriter(1, "", source, link)
		n := min(perSegment, len(records))
		for _, rec := range records[:n] {
			if err := w.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		records = records[n:]
		sealed, err := w.Seal()
		if err != nil {
			t.Fatal(err)
		}
		if err := e.bucket.Create(t.Context(), sealed.Key, sealed.Data); err != nil {
			t.Fatal(err)
		}
		link = segment.Link{Key: sealed.Key, Last: sealed.Footer.Last}
	}
}

// archiveShuffled spreads entries over shards, repeats some and disturbs their order, as publishers
// and resharding can.
func (e *env) archiveShuffled(t testing.TB, entries []*event.Entry, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	shards := make([][]*event.Entry, 3)
	for _, entry := range entries {
		for range 1 + random.IntN(5)/4 {
			i := random.IntN(len(shards))
			shards[i] = append(shards[i], entry)
		}
	}
	for i, shard := range shards {
		for range len(shard) {
			a := random.IntN(len(shard))
			b := min(a+random.IntN(20), len(shard)-1)
			shard[a], shard[b] = shard[b], shard[a]
		}
		e.archive(t, fmt.Sprintf("shardId-%012d", i), archivetest.Records(shard), 100)
	}
}

// commit puts entries into the journal as if they had been committed there.
func (e *env) commit(t testing.TB, entries []*event.Entry) {
	t.Helper()
	restorer := restorer.New(e.table)
	states := map[event.Account]account.State{}
	for _, entry := range entries {
		s := states[entry.Account()]
		for _, ev := range entry.Events {
			var err error
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
		states[entry.Account()] = s
		if err := restorer.Restore(t.Context(), entry, s); err != nil {
			t.Fatal(err)
		}
	}
}

// project folds entries into a generation, as its worker would.
func (e *env) project(t testing.TB, generation int64, entries []*event.Entry) {
	t.Helper()
	p := e.projection(generation)
	byAccount := map[event.Account][]*event.Entry{}
	for _, entry := range entries {
		a := entry.Account()
		byAccount[a] = append(byAccount[a], entry)
	}
	for a, entries := range byAccount {
		if err := p.ProjectEntries(t.Context(), a, entries); err != nil {
			t.Fatal(err)
		}
	}
}

func (e *env) rebuilding() replay.RebuildConfig {
	return replay.RebuildConfig{
		Table: e.table, Model: testModel.Name, Bucket: e.bucket, Journal: e.reader,
		Projection: func(_ context.Context, generation int64) (replay.Projection, error) {
			return e.projection(generation), nil
		},
	}
}

func (e *env) comparing() replay.CompareConfig {
	return replay.CompareConfig{
		Table: e.table, Model: testModel.Name, Journal: e.reader,
		Projection: func(_ context.Context, in table.Table, generation int64) (replay.Projection, error) {
			return e.projectionInto(readmodel.NewRows(in, testModel, 0), generation), nil
		},
	}
}

func (e *env) restoring() replay.RestoreConfig {
	return replay.RestoreConfig{
		Bucket: e.bucket, Table: e.table, Restorer: restorer.New(e.table), Models: []string{testModel.Name}, Limits: spill.Limits{Memory: 300 << 10},
	}
}

// dump returns the rows of a table by key.
func dump(t testing.TB, from table.Table, name string) map[table.Key]table.Map {
	t.Helper()
	rows := map[table.Key]table.Map{}
	for row, err := range table.ScanRows(context.Background(), from, table.Scan{Table: name, Of: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		rows[row.Key] = row.Attrs
	}
	return rows
}
