package journal

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWritingIsToldByAHeartbeatThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl, _ := store(t)
		writing := func() bool {
			t.Helper()
			on, err := Writing(t.Context(), tbl, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			return on
		}
		if writing() {
			t.Error("nobody was ever there")
		}
		w := newWriter(tbl, minLease)
		if err := w.rows.Put(t.Context(), "dead", w.attrs(7, 0), nil); err != nil {
			t.Fatal(err)
		}
		if writing() {
			t.Error("a writer whose row stands still is dead")
		}
		open(t, tbl, newClock())
		if !writing() {
			t.Error("a live writer was not seen")
		}
	})
}
