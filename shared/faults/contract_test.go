package faults_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/bucket"
	"passbook/shared/bucket/buckettest"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/embedded"
	"passbook/shared/faults"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/stream/streamtest"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
	"passbook/shared/table/tabletest"
)

func openDB(t testing.TB, now func() time.Time) *embedded.DB {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: "data", FS: vfs.NewMem(), NoSync: true, CacheBytes: 1 << 20, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openTables(t testing.TB, c faults.TablesConfig, schemas ...table.Schema) *faults.LimitedTables {
	t.Helper()
	open := func() *pebbletable.Table {
		rows, err := pebbletable.New(openDB(t, nil), schemas...)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if c.IndexLag > 0 {
		c.Replica = open()
	}
	tables, err := faults.NewLimitedTables(open(), c, schemas...)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func openStreams(t testing.TB, db *embedded.DB) *pebblestream.Stream {
	t.Helper()
	streams, err := pebblestream.New(db, pebblestream.Options{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	return streams
}

// The suites allow what AWS may do: refuse for load, and show an index late.
func TestTableContract(t *testing.T) {
	for name, c := range map[string]faults.TablesConfig{
		"at once": {},
		"late":    {IndexLag: 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := faults.NewClient(0), faults.NewClient(time.Millisecond)
			tabletest.Run(t, func(t testing.TB) (table.Table, table.Table) {
				tables := openTables(t, c, tabletest.Schemas()...)
				return first.Table(tables), second.Table(tables)
			})
			if first.Snapshot().All(faults.Throttled) == 0 {
				t.Error("nothing was throttled")
			}
		})
	}
}

func TestStreamContract(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	first, second := faults.NewClient(0), faults.NewClient(time.Millisecond)
	leftOut := streamtest.Run(t, func(t testing.TB) streamtest.Harness {
		db := openDB(t, now)
		admin := openStreams(t, db)
		// the suite waits in real time
		streams := faults.NewLimitedStreams(openStreams(t, db), faults.AWS.Times(10))
		return streamtest.Harness{
			First: first.Stream(streams), Second: second.Stream(streams),
			Create: admin.CreateStream, Delete: admin.DeleteStream, Split: admin.Split, Merge: admin.Merge, Trim: admin.Trim,
			Advance: func(d time.Duration) { ahead.Add(int64(d)) },
		}
	})
	if len(leftOut) != 1 || leftOut[0] != "read/woken" { // Kinesis wakes nobody
		t.Errorf("left out: %v", leftOut)
	}
	if n := first.Snapshot().All(faults.Throttled); n == 0 {
		t.Error("nothing was throttled")
	}
}

func TestFanOutContract(t *testing.T) {
	t.Parallel()
	streamtest.RunFanOut(t, func(t testing.TB) streamtest.Harness {
		admin := openStreams(t, openDB(t, nil))
		return streamtest.Harness{
			First: faults.NewFanOut(admin).Stream(admin), Second: admin, Create: admin.CreateStream, Delete: admin.DeleteStream,
			Split: admin.Split, Merge: admin.Merge, Advance: func(time.Duration) {},
		}
	})
}

func TestBucketContract(t *testing.T) {
	t.Parallel()
	first, second := faults.NewClient(0), faults.NewClient(time.Millisecond)
	buckettest.Run(t, func(t testing.TB) (a, b bucket.Bucket) {
		root, err := dirbucket.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return first.Bucket(root), second.Bucket(root)
	})
}

// The contract promises no less while calls fail as those of Kinesis may.
func TestStreamContractUnderFaults(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	var first *faults.Stream
	leftOut := streamtest.Run(t, func(t testing.TB) streamtest.Harness {
		db := openDB(t, now)
		admin := openStreams(t, db)
		first = faults.NewStream(openStreams(t, db))
		first.Fail(faults.Chances{Seed: 7, Refuse: 10, Lose: 10, LoseCall: 5, Throttle: 10, Expire: 10, Empty: 20})
		return streamtest.Harness{
			First: first, Second: admin, Create: admin.CreateStream, Delete: admin.DeleteStream,
			Split: admin.Split, Merge: admin.Merge, Trim: admin.Trim, Advance: func(d time.Duration) { ahead.Add(int64(d)) },
		}
	})
	if len(leftOut) > 0 {
		t.Errorf("left out: %v", leftOut)
	}
	fired := first.Fired()
	for name, n := range map[string]uint64{
		"refuse": fired.Refuse, "lose": fired.Lose, "lose call": fired.LoseCall,
		"throttle": fired.Throttle, "expire": fired.Expire, "empty": fired.Empty,
	} {
		if n == 0 {
			t.Errorf("fault %s never fired", name)
		}
	}
}
