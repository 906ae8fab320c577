package pebblestream_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/embedded"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/stream/streamtest"
)

// clock is the real time, which the test can move forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

func openDB(t testing.TB, o embedded.Options) *embedded.DB {
	t.Helper()
	o.Dir = "data"
	if o.FS == nil {
		o.FS = vfs.NewMem()
	}
	db, err := embedded.Open(o)
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

func openStream(t testing.TB, db *embedded.DB, o pebblestream.Options) *pebblestream.Stream {
	t.Helper()
	s, err := pebblestream.New(db, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	leftOut := streamtest.Run(t, func(t testing.TB) streamtest.Harness {
		c := &clock{}
		db := openDB(t, embedded.Options{NoSync: true, Now: c.Now})
		first, second := openStream(t, db, pebblestream.Options{}), openStream(t, db, pebblestream.Options{})
		return streamtest.Harness{
			First: first, Second: second, Create: second.CreateStream, Delete: second.DeleteStream,
			Split: second.Split, Merge: second.Merge, Trim: second.Trim, Advance: c.Advance,
		}
	})
	if len(leftOut) > 0 {
		t.Errorf("left out: %v", leftOut)
	}
}
