package sim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/shared/backoff"
	"passbook/shared/event"
)

// run is one simulation.
type run struct {
	dice   *dice
	trace  *trace
	faults *faults
	bucket *memoryBucket
	ledger ledger

	disk      *disk
	processes []*process // that are on
	starts    int
	cuts      int
	closing   sync.WaitGroup

	mu       sync.Mutex
	findings []string
}

// simulate runs a seed and returns the run, with its findings. It is called in a bubble.
func simulate(seed uint64, keep bool) *run {
	d := newDice(seed)
	r := &run{
		dice: d, trace: &trace{began: time.Now(), keep: keep}, faults: drawFaults(d.of("weather")), bucket: newBucket(),
		ledger: ledger{sent: map[event.Account]map[string]*command{}},
	}
	jitter := d.of("jitter")
	var jittering sync.Mutex
	backoff.SetRandom(func(n time.Duration) time.Duration {
		jittering.Lock()
		defer jittering.Unlock()
		return time.Duration(jitter.Int64N(int64(n)))
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
	r.start("bank", true)
	clients := r.openDoors(2+draw.IntN(4), 4+draw.IntN(10), 1+draw.IntN(4))
	for range draw.IntN(3) {
		pause(between(draw, 100*time.Millisecond, 3*time.Second))
		r.cutPower()
		pause(between(draw, time.Millisecond, 2*time.Second))
		r.start("bank", true)
	}
	pause(between(draw, 100*time.Millisecond, 3*time.Second))
	r.faults.calm()
	within, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	select {
	case <-done:
	case <-within.Done():
		r.fail("clients still wait for answers 5 minutes after the last fault")
		r.ledger.close()
		<-done
	}
}

// cutPower takes the power from all processes and from the disk.
func (r *run) cutPower() {
	r.cuts++
	r.trace.note("power", "cut", "")
	for _, p := range r.processes {
		p.off.Store(true)
	}
	files := loseUnsynced(r.disk.files, r.dice.of("power cut"))
	for _, p := range r.processes {
		p.stop()
		r.closing.Go(p.running.Wait)
	}
	r.processes = nil
	r.reopen(files)
}

// writers returns the processes that take commands.
func (r *run) writers() (list []*process) {
	for _, p := range r.processes {
		if p.writer() != nil {
			list = append(list, p)
		}
	}
	return list
}

// settle waits until everything that was committed is where it belongs, and judges the run.
func (r *run) settle() {
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

// flush has the archivers seal what they have. A shard that is not open yet is sealed later.
func (r *run) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, p := range r.processes {
		if a := p.archives(); a != nil {
			_ = a.Flush(ctx)
		}
	}
}

// end ends all goroutines of the run.
func (r *run) end() {
	for _, p := range r.processes {
		p.stop()
		p.running.Wait()
	}
	r.closing.Wait()
	if err := r.disk.db.Close(); err != nil {
		r.fail("close the engine: %v", err)
	}
}
