package upgrade

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/origin"
	"passbook/shared/table"
	"passbook/shared/writer"
)

// An upgrade that ended at any call, made or not, is completed by the next one, with the same key
// and the same heads, and nothing is left half done.
func TestUpgradeEndedAnywhereIsContinued(t *testing.T) {
	entries := history()
	for _, after := range []bool{false, true} {
		for at := int64(1); ; at++ {
			b := newBank(t)
			b.commit(entries...)
			b.failAt, b.after = at, after
			b.loseWrites()
			_, err := Run(t.Context(), b.config())
			if err == nil {
				if at < 7 {
					t.Errorf("an upgrade makes %d calls only", at-1)
				}
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatalf("call %d: %v", at, err)
			}
			if row := b.row(); row.Format > 1 && (b.raised == 0 || row.Key != 1) {
				t.Errorf("call %d: the row names format 2 before everything is ready for it: %+v", at, row)
			}
			done, err := Run(t.Context(), b.config())
			if err != nil || done.To != event.Format || done.Accounts != 3 {
				t.Fatalf("call %d, again: %+v, %v", at, done, err)
			}
			if row := b.row(); row.ID != bankID || row.Format != event.Format || row.Key != 1 || row.Switching() || row.Heads != done.Heads || b.raised == 0 {
				t.Errorf("call %d: the row is %+v, the result %+v", at, row, done)
			}
			b.checkHeads(entries)
			if known, err := origin.Recover(t.Context(), b.bucket, b.keys, bankID); err != nil || known.Heads != done.Heads || known.Key != 1 {
				t.Errorf("call %d: the archive knows %+v, %v", at, known, err)
			}
			if again, err := Run(t.Context(), b.config()); err != nil || again.Changed || again.Heads != done.Heads {
				t.Errorf("call %d: an upgrade of an upgraded bank: %+v, %v", at, again, err)
			}
		}
	}
}

// A dry run writes nothing.
func TestDryRunChangesNothing(t *testing.T) {
	b := newBank(t)
	b.commit(history()...)
	c := b.config()
	c.DryRun = true
	b.loseWrites() // to count them
	done, err := Run(t.Context(), c)
	if err != nil || !done.Changed || done.From != 1 || done.To != event.Format || b.calls.Load() != 0 || b.row().Format != 1 {
		t.Errorf("%+v, %v; %d calls, the row %+v", done, err, b.calls.Load(), b.row())
	}
}

// An entry that an older program committed after the manifest is added by the next upgrade, and the
// others stay as they were.
func TestLateEntryIsAdded(t *testing.T) {
	entries := history()
	b := newBank(t)
	b.commit(entries[:29]...)
	if _, err := Run(t.Context(), b.config()); err != nil {
		t.Fatal(err)
	}
	b.checkHeads(entries[:29])
	b.commit(entries[29])
	done, err := Run(t.Context(), b.config())
	if err != nil || !done.Changed || done.Late != 1 || done.Accounts != int64(len(last(entries))) {
		t.Fatalf("%+v, %v", done, err)
	}
	b.checkHeads(entries)
	if known, err := origin.Recover(t.Context(), b.bucket, b.keys, bankID); err != nil || known.Heads != done.Heads {
		t.Errorf("the archive knows %+v, %v, want the newer of two manifests", known, err)
	}
}

// A list of heads that is lost with its bucket, or a part of it, is an error that says so. It is
// made again from the journal only if that is asked for, as it trusts what the journal has.
func TestLostListIsMadeAgain(t *testing.T) {
	entries := history()
	for _, dir := range []string{"heads", "headparts"} {
		b := newBank(t)
		b.commit(entries...)
		first, err := Run(t.Context(), b.config())
		if err != nil {
			t.Fatal(err)
		}
		objects, err := filepath.Glob(filepath.Join(b.dir, dir, "v1", "*"))
		if err != nil || len(objects) != 1 {
			t.Fatal(objects, err)
		}
		if err := os.Remove(objects[0]); err != nil {
			t.Fatal(err)
		}
		var refused *origin.Refusal
		if _, err := Run(t.Context(), b.config()); !errors.Is(err, origin.ErrLost) || !errors.As(err, &refused) || !strings.Contains(refused.Next, "--list-again") {
			t.Fatalf("%s lost: %v", dir, err)
		}
		if b.row().Heads != first.Heads {
			t.Errorf("%s lost: the row was changed", dir)
		}
		c := b.config()
		c.ListAgain = true
		again, err := Run(t.Context(), c)
		if err != nil || !again.Changed || !again.ListedAgain || again.Accounts != first.Accounts || again.Late != 0 || b.row().Heads != again.Heads {
			t.Fatalf("%s lost: %+v, %v", dir, again, err)
		}
		b.checkHeads(entries)
		if last, err := Run(t.Context(), c); err != nil || last.Changed {
			t.Errorf("%s lost: a list that is whole was made again: %+v, %v", dir, last, err)
		}
	}
}

// A damaged row of the journal does not keep the bank from being switched: its account is named,
// and listed up to the damage.
func TestDamagedRowIsNamed(t *testing.T) {
	entries := history()
	b := newBank(t)
	b.commit(entries...)
	bad := entries[len(entries)-1]
	key := table.Key{PK: bad.Account().String(), SK: fmt.Sprintf("E#%012d", bad.First)}
	row, err := b.table.Get(t.Context(), journal.Table, key, true)
	if err != nil {
		t.Fatal(err)
	}
	row.Attrs["events"] = table.S("[]")
	if err := b.table.Put(t.Context(), table.Put{Table: journal.Table, Row: row, If: table.Equals("hash", row.Attrs["hash"])}); err != nil {
		t.Fatal(err)
	}
	done, err := Run(t.Context(), b.config())
	if err != nil || len(done.Damaged) != 1 || done.Damaged[0] != bad.Account().String() {
		t.Fatalf("%+v, %v", done, err)
	}
	b.checkHeads(entries[:len(entries)-1])
}

// The leases are fenced when the bank is switched, those of dead workers too.
func TestLeasesAreFenced(t *testing.T) {
	b := newBank(t)
	for shard, owner := range map[string]string{"a": "", "b": "dead"} {
		attrs := table.Map{"epoch": table.N(1), "owner": table.S(owner), "checkpoint": table.S("17")}
		if err := control.Leases(b.table, "events", "balance@1").Put(t.Context(), shard, attrs, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Run(t.Context(), b.config()); err != nil {
		t.Fatal(err)
	}
	for row, err := range control.Leases(b.table, "events", "balance@1").List(t.Context()) {
		if err != nil || row.Attrs.Text("checkpoint") != "SHARD_END" || row.Attrs.Text("position") != "17" {
			t.Errorf("%+v, %v", row, err)
		}
	}
}

// fleet is the programs of a bank that is not on one machine.
type fleet struct {
	*bank
	config Config
}

func newFleet(t *testing.T) *fleet {
	b := newBank(t)
	b.commit(history()[:29]...)
	f := &fleet{b, b.config()}
	f.config.Exclusive, f.config.Wait = false, 2*time.Minute
	return f
}

// put writes the row of a writer with its epoch.
func (f *fleet) put(id string, epoch int64, attrs table.Map) {
	f.t.Helper()
	row := table.Map{"epoch": table.N(epoch), "state": table.S(writer.Live), "published": table.N(0)}
	for name, value := range attrs {
		row[name] = value
	}
	was := control.Revision(epoch - 1)
	if err := control.Writers(f.table).Put(f.t.Context(), id, row, was); err != nil {
		f.t.Error(err)
	}
}

// beat writes the row every second until the test ends or the returned function is called. attrs
// gives its attributes.
func (f *fleet) beat(id string, attrs func() table.Map) (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for epoch := int64(1); ; epoch++ {
			f.put(id, epoch, attrs())
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
		}
	}()
	stop = func() { cancel(); <-done }
	f.t.Cleanup(stop)
	return stop
}

func declares(format, writes int) func() table.Map {
	return func() table.Map { return table.Map{"format": table.N(format), "writes": table.N(writes)} }
}

// Nothing is changed while a program of an older release runs, writer or consumer; one that ended
// without a word does not count.
func TestOlderProgramsAreNamedAndNothingIsChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		f.put("dead", 1, nil)
		f.beat("new", declares(2, 2))
		stop := f.beat("old", func() table.Map { return table.Map{"address": table.S("10.0.0.1:80"), "secret": table.S("s")} })
		owner := func(epoch int64, attrs table.Map) {
			attrs["epoch"], attrs["owner"], attrs["checkpoint"] = table.N(epoch), table.S("machine-7"), table.S("1")
			if err := control.Leases(f.table, "events", "balance@1").Put(t.Context(), "shard", attrs, control.Revision(epoch-1)); err != nil {
				t.Error(err)
			}
		}
		owner(1, table.Map{})
		go func() {
			time.Sleep(lease / 2)
			owner(2, table.Map{})
		}()
		_, err := Run(t.Context(), f.config)
		want := "programs of an older release are running: machine-7 of balance@1 reads at most format 1; writer old at 10.0.0.1:80 writes at most format 1"
		if !errors.Is(err, ErrOlder) || err.Error() != "upgrade the bank: "+want {
			t.Errorf("%v, want %s", err, want)
		}
		if f.row().Format != 1 || f.raised != 0 || f.calls.Load() != 0 {
			t.Errorf("something was changed: %+v, %d calls", f.row(), f.calls.Load())
		}
		stop()
		owner(3, table.Map{"format": table.N(2)})
		if done, err := Run(t.Context(), f.config); err != nil || !done.Changed {
			t.Errorf("without them: %+v, %v", done, err)
		}
	})
}

// The manifest is taken only when every writer has followed: one with an older entry in progress is
// waited for, and the wait is continued by the next run. The bank is at the newer format by then.
func TestManifestWaitsForTheWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		var writes atomic.Int64
		writes.Store(1)
		f.beat("slow", func() table.Map { return declares(2, int(writes.Load()))() })
		_, err := Run(t.Context(), f.config)
		want := "the bank is switched, and not every program has followed: writer slow still writes format 1"
		if !errors.Is(err, ErrUnfinished) || err.Error() != "upgrade the bank: "+want {
			t.Errorf("%v, want %s", err, want)
		}
		if row := f.row(); row.Format != 2 || !row.Switching() {
			t.Errorf("the row is %+v", row)
		}
		go func() {
			time.Sleep(30 * time.Second)
			f.commit(history()[29]) // it was in progress all the time
			writes.Store(2)
		}()
		began := time.Now()
		done, err := Run(t.Context(), f.config)
		if err != nil || done.Accounts == 0 || time.Since(began) < 30*time.Second {
			t.Errorf("%+v, %v after %v", done, err, time.Since(began))
		}
		f.checkHeads(history())
	})
}

// A put that was begun before a writer could read the row has ended before the manifest is taken,
// and so have the first passes over what a dead writer left.
func TestManifestWaitsForWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		began := time.Now()
		if _, err := Run(t.Context(), f.config); err != nil || time.Since(began) < minSettle {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		f = newFleet(t)
		var pass atomic.Int64
		f.beat("ended", func() table.Map {
			return table.Map{"state": table.S(writer.Draining), "pass": table.N(pass.Load())}
		})
		go func() {
			time.Sleep(time.Minute)
			pass.Store(settledPasses)
		}()
		began = time.Now()
		if _, err := Run(t.Context(), f.config); err != nil || time.Since(began) < time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// A bank of a newer release, and tables of no bank, are refused.
func TestBanksThatCannotBeUpgraded(t *testing.T) {
	b := newBank(t)
	now := b.row()
	now.Format = event.Format + 1
	if err := origin.WriteBank(t.Context(), b.table, b.row(), now); err != nil {
		t.Fatal(err)
	}
	var refused *origin.Refusal
	if _, err := Run(t.Context(), b.config()); !errors.As(err, &refused) || refused.Next == "" {
		t.Errorf("a newer bank: %v", err)
	}
	c := b.config()
	c.Table = newEmpty(t)
	if _, err := Run(t.Context(), c); !errors.As(err, &refused) || refused.Next == "" {
		t.Errorf("no bank: %v", err)
	}
}
