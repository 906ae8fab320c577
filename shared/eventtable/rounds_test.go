package eventtable_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/eventtable"
	"passbook/shared/eventtable/iceberg"
)

// versions is a table that several processes work on: only its version counts.
type versions struct {
	mu     sync.Mutex
	newest int
	// unread is what the archive has and the table has not.
	unread int
	// fault is why the table cannot be opened.
	fault error
}

// fail has the table not be opened any more, or again if err is nil.
func (v *versions) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fault = err
}

// opened is the table as one process has opened it.
type opened struct {
	eventtable.Replaceable
	of      *versions
	version int
}

func (o *opened) Location() string { return fmt.Sprint(o.version) }

func (o *opened) Rows() int64 { return int64(o.version) }

// run adds what is unread, which takes a second, by a commit.
func (o *opened) run() (eventtable.Result, error) {
	o.of.mu.Lock()
	n := o.of.unread
	o.of.mu.Unlock()
	time.Sleep(time.Second)
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	switch {
	case n == 0:
		return eventtable.Result{}, nil
	case o.version != o.of.newest:
		return eventtable.Result{}, eventtable.ErrConflict
	}
	o.of.unread = 0
	o.of.newest++
	o.version = o.of.newest
	return eventtable.Result{Events: int64(n)}, nil
}

// version returns the newest version.
func (v *versions) version() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.newest
}

// arrive adds to what is unread.
func (v *versions) arrive() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unread++
}

// process does rounds of a minute on the table until stop is called. runs counts those that worked.
type process struct {
	*eventtable.Rounds
	stop func()
	runs atomic.Int64
}

func (v *versions) process(t *testing.T) *process {
	p := &process{}
	p.Rounds = eventtable.NewRounds(eventtable.RoundsConfig{
		Every: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Open: func(context.Context) (eventtable.Versioned, error) {
			v.mu.Lock()
			defer v.mu.Unlock()
			return &opened{of: v, version: v.newest}, v.fault
		},
		Run: func(_ context.Context, to eventtable.Versioned, _ <-chan struct{}) (eventtable.Result, error) {
			p.runs.Add(1)
			return to.(*opened).run()
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		p.Run(ctx)
		close(done)
	}()
	p.stop = func() {
		cancel()
		<-done
	}
	return p
}

func TestOfSeveralProcessesOneWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &versions{unread: 1}
		all := []*process{v.process(t), v.process(t), v.process(t)}
		for range 60 {
			time.Sleep(time.Minute)
			v.arrive()
		}
		time.Sleep(30 * time.Second) // between two rounds
		synctest.Wait()
		working, runs := 0, 0
		for _, p := range all {
			runs += int(p.runs.Load())
			if p.State().Works {
				working++
			}
		}
		if working != 1 || runs > 60+len(all) || v.version() < 59 {
			t.Errorf("%d work, after %d runs, at version %d", working, runs, v.version())
		}
		for _, p := range all {
			if p.State().Works {
				p.stop() // another one takes over
			}
		}
		v.arrive()
		before := v.version()
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if v.version() == before {
			t.Error("no process took over")
		}
		for _, p := range all {
			p.stop()
		}
	})
}

func TestAFailedRoundIsTriedAgainSoonAndNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &versions{unread: 1}
		p := v.process(t)
		time.Sleep(30 * time.Second)
		if s := p.State(); !s.Works || s.Last.Events != 1 || s.Fault != nil || s.Rows != 1 || s.Ended.Sub(s.Begun) != time.Second {
			t.Errorf("%+v", s)
		}
		broken := errors.New("no bucket")
		v.fail(broken)
		time.Sleep(time.Minute)
		if s := p.State(); !errors.Is(s.Fault, broken) || s.Ended.IsZero() {
			t.Errorf("%+v", s)
		}
		v.arrive()
		v.fail(nil)
		time.Sleep(50 * time.Second) // in less than a round
		if s := p.State(); s.Fault != nil || s.Rows != 2 {
			t.Errorf("%+v", s)
		}
		p.stop()
	})
}

// A process that is told to end completes the part that it adds, and no more.
func TestTheRunningPartIsCompleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &versions{unread: 1}
		p := v.process(t)
		time.Sleep(500 * time.Millisecond)
		p.stop()
		if v.version() != 1 {
			t.Errorf("version %d", v.version())
		}
	})
}

// endsAfter is a table whose first commit tells the run to end.
type endsAfter struct {
	eventtable.Table
	ending chan struct{}
}

func (e endsAfter) Append(ctx context.Context, files []eventtable.File, summary map[string]string) error {
	close(e.ending)
	return e.Table.Append(ctx, files, summary)
}

func TestARunThatIsToEndDoesSoAfterAPart(t *testing.T) {
	f, entries := newFixture(t), bank(13, 4, 200)
	f.events = 60
	for i := 0; i < len(entries); i += 50 {
		f.seal(shard(0, 0), 0, entries[i:i+50]...)
	}
	table, err := iceberg.Open(t.Context(), f.tables, f.root, 3)
	if err != nil {
		t.Fatal(err)
	}
	f.ending = make(chan struct{})
	if r, err := f.runOn(endsAfter{table, f.ending}); err != nil || r.Snapshots != 1 || r.Segments >= 4 {
		t.Errorf("%+v, %v", r, err)
	}
	f.ending = nil
	if r, err := f.run(f.tables); err != nil || !r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
	f.check(entries)
}
