package crew

import (
	"sync"
	"sync/atomic"
)

// Crew is a set of goroutines that take jobs. Go may be called concurrently; not after Close.
type Crew struct {
	most    int64
	jobs    chan func() // unbuffered: whoever receives was waiting
	waiting atomic.Int64
	ended   chan struct{}
	all     sync.WaitGroup
}

// New makes a crew of which at most so many goroutines wait for work.
func New(most int) *Crew {
	return &Crew{most: int64(most), jobs: make(chan func()), ended: make(chan struct{})}
}

// Go runs the job on a goroutine that waits, or on a new one.
func (c *Crew) Go(job func()) {
	select {
	case c.jobs <- job:
	default:
		c.all.Go(func() { c.work(job) })
	}
}

// work does one job after another until the crew ends, or enough others wait.
func (c *Crew) work(job func()) {
	job()
	defer c.waiting.Add(-1)
	for c.waiting.Add(1) <= c.most {
		select {
		case job = <-c.jobs:
			c.waiting.Add(-1)
			job()
		case <-c.ended:
			return
		}
	}
}

// Close waits for the jobs that run, and ends the crew.
func (c *Crew) Close() {
	close(c.ended)
	c.all.Wait()
}
