package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/backoff"
	"passbook/shared/event"
)

// run is one simulation.
type run struct {
	seed   uint64
	dice   *dice
	trace  *trace
	faults *faults
	bucket *memoryBucket
	ledger ledger
	// compacts and keepsLog are whether processes make the events table, and the archive's log.
	compacts, keepsLog bool
	// tables is the events table, segments what the archive has, lost the segments that were lost
	// from it and are to be made again.
	tables   *snapshots
	segments *segments
	lost     map[string][]byte

	// fleet is how many processes use the stores: one that has them to itself, or several.
	fleet   int
	disk    *disk // nil if it did not open
	starts  int
	closing sync.WaitGroup
	// late is the writes that have not arrived yet.
	late sync.WaitGroup

	mu        sync.Mutex
	processes []*process // that are on
	findings  []string
}

// simulate runs a seed and returns the run, with its findings. It is called in a bubble.
func simulate(seed uint64, keep bool) *run {
	d := newDice(seed)
	if clock := d.of("clock"); clock.IntN(4) == 0 { // the bubble begins at midnight
		pause(24*time.Hour - between(clock, time.Second, 15*time.Second))
	}
	r := &run{
		seed: seed, dice: d, trace: &trace{began: time.Now(), keep: keep}, faults: drawFaults(d.of("weather")), bucket: newBucket(),
		ledger: ledger{sent: map[event.Account]map[string]*command{}, version: map[event.Account]int64{}},
		tables: newSnapshots(), lost: map[string][]byte{},
	}
	draw := d.of("archive")
	r.compacts, r.keepsLog = draw.IntN(4) == 0, draw.IntN(4) == 0
	r.segments = newSegments(r)
	backoff.SetRandom(func(n time.Duration) time.Duration {
		return time.Duration(d.of(fmt.Sprint("pause ", time.Now().UnixNano(), n)).Int64N(int64(n)))
	})
	defer backoff.SetRandom(nil)
	r.live()
	r.settle()
	r.end()
	return r
}

// fail notes a finding.
func (r *run) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.findings = append(r.findings, fmt.Sprintf("after %.3f s: ", time.Since(r.trace.began).Seconds())+fmt.Sprintf(format, args...))
}

// live opens a bank, has clients use it, and cuts its power.
func (r *run) live() {
	draw := r.dice.of("life")
	var err error
	if r.disk, err = openDisk(vfs.NewCrashableMem()); err != nil {
		panic(err)
	}
	for _, name := range []string{events, notifications} {
		if err := r.disk.streams.CreateStream(context.Background(), name, 1+draw.IntN(2)); err != nil {
			panic(err)
		}
	}
	if r.fleet = 1; draw.IntN(3) == 0 {
		r.fleet = 2 + draw.IntN(2)
	}
	for range r.fleet {
		r.start()
	}
	clients := r.openDoors(2+draw.IntN(4), 4+draw.IntN(10), 1+draw.IntN(4))
	for range draw.IntN(4) {
		pause(between(draw, 100*time.Millisecond, 3*time.Second))
		r.disturb(draw)
	}
	pause(between(draw, 100*time.Millisecond, 3*time.Second))
	r.faults.calm()
	r.finish(clients)
}

// disturb has something happen to a process, or to all.
func (r *run) disturb(draw *rand.Rand) {
	on := r.on()
	if r.disk == nil || len(on) == 0 {
		return
	}
	p := on[draw.IntN(len(on))]
	switch n := draw.IntN(6); {
	case n < 2:
		r.trace.note("power", "cut", "")
		if !r.cutPower() {
			return
		}
		if draw.IntN(3) == 0 {
			r.loseSegments()
		}
		pause(between(draw, time.Millisecond, 2*time.Second))
		for range r.fleet {
			r.start()
		}
	case n < 4:
		r.trace.note("power", "freeze "+p.name, "")
		p.frozen.Store(time.Now().Add(between(draw, 100*time.Millisecond, 25*time.Second)).UnixNano())
	default:
		r.trace.note("power", "kill "+p.name, "")
		r.kill(p)
		pause(between(draw, time.Millisecond, 2*time.Second))
		r.start()
	}
}

// finish waits until the clients have their answers.
func (r *run) finish(clients *sync.WaitGroup) {
	if r.disk == nil {
		r.ledger.close()
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Minute):
		r.fail("clients still wait for answers 5 minutes after the last fault")
		r.ledger.close()
		<-done
	}
}

// cutPower takes the power from all processes and from the disk. It returns false if the disk does
// not open after it.
func (r *run) cutPower() bool {
	on := r.on()
	for _, p := range on {
		p.off.Store(true)
	}
	files := loseUnsynced(r.disk.files, r.dice.of("power cut"))
	for _, p := range on {
		r.kill(p)
	}
	return r.reopen(files)
}

// kill switches a process off in the middle of what it does. What it has in memory is gone.
func (r *run) kill(p *process) {
	r.mu.Lock()
	r.processes = slices.DeleteFunc(r.processes, func(q *process) bool { return q == p })
	r.mu.Unlock()
	p.off.Store(true)
	p.cancel()
	r.closing.Go(p.running.Wait)
}

// has reports whether the stores are on this disk now.
func (r *run) has(d *disk) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.disk == d
}

// on returns the processes that are on.
func (r *run) on() []*process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.processes)
}

// writers returns the processes that take commands.
func (r *run) writers() (list []*process) {
	for _, p := range r.on() {
		if p.writer() != nil {
			list = append(list, p)
		}
	}
	return list
}

// settle waits until everything that was committed is where it belongs, and judges the run.
func (r *run) settle() {
	if r.disk == nil {
		return
	}
	r.late.Wait()
	j := &judge{run: r}
	j.read()
	r.await(3*time.Minute, j.missing)
	r.await(time.Minute, func() string {
		r.flush()
		if n := j.unarchived(); n > 0 {
			return fmt.Sprintf("the archive lacks %d entries", n)
		}
		return ""
	})
	r.segments.rest(j)
	r.await(2*time.Minute, func() string {
		if table, log := j.untabled(), j.unlogged(); table+log > 0 {
			return fmt.Sprintf("the events table lacks %d entries, and the archive's log %d segments", table, log)
		}
		return ""
	})
	r.segments.again()
	j.judge()
}

// await waits until nothing is left to wait for. What is left after most is a finding.
func (r *run) await(most time.Duration, left func() string) {
	for began := time.Now(); ; pause(500*time.Millisecond + 1) {
		what := left()
		if what == "" {
			return
		}
		if time.Since(began) > most {
			r.fail("%v after the last command: %s", most, what)
			return
		}
	}
}

// flush has the archivers seal what they have, for a second: how soon one returns depends on the
// order of a map. A shard that is not open yet is sealed later.
func (r *run) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, p := range r.on() {
		if a := p.archives(); a != nil {
			r.closing.Go(func() { _ = a.Flush(ctx) })
		}
	}
	<-ctx.Done()
}

// end ends all goroutines of the run.
func (r *run) end() {
	for _, p := range r.on() {
		r.kill(p)
	}
	r.late.Wait()
	r.closing.Wait()
	pause(time.Minute) // workers leave readers behind that do not return in time
	if r.disk == nil {
		return
	}
	if err := r.disk.db.Close(); err != nil {
		r.fail("close the engine: %v", err)
	}
}
