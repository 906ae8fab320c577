package journal

import (
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/table"
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
		dead := newWriter(tbl, minLease).row(&tenure{id: "dead"}, 7, 0)
		if err := tbl.Put(t.Context(), table.Put{Table: Control, Row: dead, If: table.Absent()}); err != nil {
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
