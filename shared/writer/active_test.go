package writer

import (
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/control"
)

func TestWriterIsActiveWhileItsHeartbeatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl := store(t)
		active := func() bool {
			t.Helper()
			began := time.Now()
			active, err := Active(t.Context(), tbl, lease)
			if err != nil {
				t.Fatal(err)
			}
			if time.Since(began) > lease {
				t.Errorf("watched for %v", time.Since(began))
			}
			return active
		}
		if active() {
			t.Error("no writer was ever there")
		}
		dead := Row{ID: "dead", Epoch: 7, State: Live}
		if err := control.Writers(tbl).Put(t.Context(), dead.ID, dead.attrs(), nil); err != nil {
			t.Fatal(err)
		}
		if active() {
			t.Error("a writer whose row does not change is dead")
		}
		beat(t, start(t, tbl))
		if !active() {
			t.Error("a live writer was not seen")
		}
	})
}

// A tail that is drained moves its row's epoch too, and is no writer.
func TestDrainedTailIsNoActiveWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl := store(t)
		w := start(t, tbl)
		row := Row{ID: w.ID(), State: Draining, Began: time.Now()}
		go func() {
			for range 20 {
				time.Sleep(time.Second)
				if err := row.Save(t.Context(), tbl); err != nil {
					t.Error(err)
				}
			}
		}()
		time.Sleep(time.Second + time.Millisecond)
		if active, err := Active(t.Context(), tbl, lease); active || err != nil {
			t.Errorf("active %v, %v", active, err)
		}
		time.Sleep(20 * time.Second)
	})
}
