package serve

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"

	"passbook/cmd/internal/cli"
	"passbook/shared/platform"
)

// extraProcs are processors on top of those that there are. The goroutine that returns from the
// disk with a commit finds one free, instead of queueing behind the hundreds that wait for that
// commit; the system shares the cores out fairly.
const extraProcs = 2

// gcPercent lets the heap grow further than Go's default before it is collected, up to its share of
// the memory: little lives long here and much does not, and a collection on two cores delays every
// command that runs during it.
const gcPercent = 400

// tune fits the runtime to the machine, and to a process that waits for a disk where it does.
// GOMAXPROCS, GOGC and GOMEMLIMIT take precedence.
func tune(c platform.Config, m platform.Memory) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(m.Heap))
	}
	if c.Store != platform.Embedded {
		return
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + extraProcs)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// OpenTuned opens a process that runs nothing else: it tunes the runtime, and logs what the
// program runs with.
func OpenTuned(ctx context.Context, program Program, config platform.Config, t *cli.Terminal) (*Process, error) {
	m := platform.MemoryOf(config)
	tune(config, m)
	p, err := Open(ctx, program, t.Version, config, t.Err)
	if err != nil {
		return nil, err
	}
	p.Log.Info("starts", "program", program.Name, "version", t.Version, "store", config.Store, "data", config.Data, "given", config.Given, "memory", m.Limit.String(), "from", m.From,
		"heap", m.Heap.String(), "cache", m.Cache.String(), "idle_accounts", m.Accounts, "idle_keys", m.Keys, "stream_tail", m.Tail.String(), "lease", config.Lease.String(), "segment_age", config.SegmentAge.String())
	return p, nil
}
