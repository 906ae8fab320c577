package workerpool

import (
	"sync"
	"sync/atomic"
)

// Pool is a set of goroutines that take jobs. Go may be called concurrently; not after Close.
type Pool struct {
	most    int64
	jobs    chan func() // unbuffered: a goroutine that receives was waiting
	waiting atomic.Int64
	ended   chan struct{}
	all     sync.WaitGroup
}

// New returns a pool of which at most so many goroutines wait for work.
func New(most int) *Pool {
	return &Pool{most: int64(most), jobs: make(chan func()), ended: make(chan struct{})}
}

// Go runs the job on a goroutine that waits, or on a new one.
func (p *Pool) Go(job func()) {
	select {
	case p.jobs <- job:
	default:
		p.all.Go(func() { p.work(job) })
	}
}

// work does one job after another until the pool ends, or enough others wait.
func (p *Pool) work(job func()) {
	job()
	defer p.waiting.Add(-1)
	for p.waiting.Add(1) <= p.most {
		select {
		case job = <-p.jobs:
			p.waiting.Add(-1)
			job()
		case <-p.ended:
			return
		}
	}
}

// Close waits for the jobs that run, and ends the pool.
func (p *Pool) Close() {
	close(p.ended)
	p.all.Wait()
}
