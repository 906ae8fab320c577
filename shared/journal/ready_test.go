package journal

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/fault"
)

func TestReadySaysWhyNothingCanBeCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl, _ := store(t)
		j, _ := open(t, tbl, newClock())
		openAccount(t, j, acct, 100)
		if err := j.Ready(); err != nil {
			t.Fatal(err)
		}
		denied := errors.New("access denied")
		tbl.Arm(&fault.Rule{Match: fault.On(Table), Before: denied}, 1<<30)
		done := make(chan error, 1)
		go func() {
			_, err := j.Execute(t.Context(), command(acct, "w", withdrawing(1)))
			done <- err
		}()
		time.Sleep(j.writer.lease / 2)
		if err := j.Ready(); err != nil {
			t.Errorf("before a lease is over: %v", err)
		}
		time.Sleep(j.writer.lease)
		if err := j.Ready(); !errors.Is(err, denied) {
			t.Errorf("while every put is refused: %v", err)
		}
		tbl.Arm(&fault.Rule{Match: fault.On(Control), Before: denied}, 1<<30) // entries go through again
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := j.Ready(); err != nil {
			t.Errorf("after a commit: %v", err)
		}
		time.Sleep(j.writer.lease + 2*heartbeatEvery)
		if err := j.Ready(); err == nil || !strings.Contains(err.Error(), "heartbeat") {
			t.Errorf("without a heartbeat: %v", err)
		}
		tbl.Arm(&fault.Rule{}, 0)
	})
}
