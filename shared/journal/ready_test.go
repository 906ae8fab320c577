package journal

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"passbook/shared/account"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/table"
	"passbook/shared/writer"
)

func TestReadyReturnsWhyNothingCanBeCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl, _ := store(t)
		j, _ := open(t, tbl, newClock())
		openAccount(t, j, acct, 100)
		if err := j.Ready(); err != nil {
			t.Fatal(err)
		}
		denied := errors.New("access denied")
		tbl.Arm(&faults.Rule{Match: faults.On(Table), Before: denied}, 1<<30)
		done := make(chan error, 1)
		go func() {
			_, err := j.Execute(t.Context(), command(acct, "w", withdrawing(1)))
			done <- err
		}()
		time.Sleep(j.config.Lease / 2)
		if err := j.Ready(); err != nil {
			t.Errorf("before a lease is over: %v", err)
		}
		time.Sleep(j.config.Lease)
		if err := j.Ready(); !errors.Is(err, denied) {
			t.Errorf("while every put is refused: %v", err)
		}
		// entries go through again
		tbl.Arm(&faults.Rule{Match: faults.On(control.Name), Before: denied}, 1<<30)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := j.Ready(); err != nil {
			t.Errorf("after a commit: %v", err)
		}
		time.Sleep(j.config.Lease + 2*writer.HeartbeatEvery)
		if err := j.Ready(); err == nil || !strings.Contains(err.Error(), "heartbeat") {
			t.Errorf("without a heartbeat: %v", err)
		}
		tbl.Arm(&faults.Rule{}, 0)
	})
}

// A balancer sends no commands to a writer that is not ready, so the writer must find out without
// one that a fault is over.
func TestReadyAgainWithoutACommand(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, j *Journal, tbl *faults.Table, inner table.Table){
		"the table refused a put": func(t *testing.T, j *Journal, tbl *faults.Table, _ table.Table) {
			tbl.Arm(&faults.Rule{Match: faults.On(Table), Before: table.ErrRefused}, 1<<30)
			if _, err := j.Execute(t.Context(), command(acct, "w", withdrawing(1))); !errors.Is(err, ErrUnavailable) {
				t.Errorf("refused: %v", err)
			}
			time.Sleep(time.Minute)
		},
		"the lease was lost": func(t *testing.T, j *Journal, tbl *faults.Table, inner table.Table) {
			tbl.Arm(&faults.Rule{Match: faults.On(control.Name), Before: errLost}, 1<<30)
			time.Sleep(j.config.Lease + 2*time.Second)
			row, err := control.Writers(inner).Get(t.Context(), j.Writer())
			if err != nil {
				t.Fatal(err)
			}
			epoch, _ := row.Attrs["epoch"].(table.N)
			row.Attrs["epoch"], row.Attrs["state"] = epoch+1, table.S(writer.Draining)
			if err := inner.Put(t.Context(), table.Put{Table: control.Name, Row: row, If: table.Equals("epoch", epoch)}); err != nil {
				t.Fatal(err)
			}
			// the first heartbeat, and then no more
			tbl.Arm(&faults.Rule{Match: faults.On(control.Name), Before: errLost}, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tbl, inner := store(t)
				j, _ := open(t, tbl, newClock())
				openAccount(t, j, acct, 100)
				harm(t, j, tbl, inner)
				if err := j.Ready(); err == nil {
					t.Error("ready")
				}
				tbl.Arm(&faults.Rule{}, 0)
				time.Sleep(3 * writer.HeartbeatEvery)
				if err := j.Ready(); err != nil {
					t.Errorf("some seconds after it was over: %v", err)
				}
				accepted(t, j, command(acct, "w2", withdrawing(1)))
			})
		})
	}
}

// An idle account counts by its keys and by its holds: of accounts with ten holds a shard that has
// room for 40 keys keeps one only.
func TestIdleAccountsAreBoundedByTheirHolds(t *testing.T) {
	for _, holds := range []int{0, 10} {
		tbl, _ := store(t)
		j, err := Open(t.Context(), Config{Table: tbl, Outbox: &outbox{}, Keys: laneShards * 40})
		if err != nil {
			t.Fatal(err)
		}
		most := map[uint64]int{}
		for i := range 60 {
			a := event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)}
			if shard := j.shardOf(a); holds == 0 || most[shard] == 0 {
				most[shard]++
			}
			openAccount(t, j, a, 1000)
			if holds > 0 {
				accepted(t, j, command(a, "holds", func(s account.State, now time.Time) account.Decision {
					d := account.NewDraft(s, now)
					for range holds {
						d.PlaceHold(event.HoldPlaced{Amount: 1})
					}
					return d.Decision()
				}))
			}
		}
		if err := j.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range j.shards {
			if kept := len(j.shards[i].lanes); kept != most[uint64(i)] {
				t.Errorf("%d accounts of %d holds are kept in a shard, want %d", kept, holds, most[uint64(i)])
			}
		}
	}
}

// An idle account keeps nothing of its last commands.
func TestIdleAccountKeepsNoCommand(t *testing.T) {
	tbl, _ := store(t)
	j, _ := open(t, tbl, newClock())
	openAccount(t, j, acct, 100)
	last := func() weak.Pointer[event.MoneyCredited] {
		body := &event.MoneyCredited{Amount: 1, Kind: event.KindDeposit}
		accepted(t, j, command(acct, "last", func(s account.State, now time.Time) account.Decision {
			d := account.NewDraft(s, now)
			d.Credit(*body, d.Today())
			return d.Decision()
		}))
		return weak.Make(body)
	}()
	if err := j.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		runtime.GC()
		return last.Value() == nil
	})
}
