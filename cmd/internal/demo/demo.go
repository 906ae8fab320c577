package demo

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/client"
)

// The ways in which a day can go wrong.
var (
	// ErrDifference means that an answer of the bank is not what the demo's books expect.
	ErrDifference = errors.New("the bank and the demo's books differ")
	// ErrUnreachable means that no bank answers at the URL.
	ErrUnreachable = errors.New("no bank answers")
	// ErrPlayed means that this day was played on this bank before. Nothing was sent but the
	// opening of an account, which exists already.
	ErrPlayed = errors.New("this day was already played on this bank")
)

// The customers of a day: enough for every part to be played, few enough to stay in memory.
const (
	MinAccounts = 3
	MaxAccounts = 100_000
)

// tellAll is the most customers whose payments are printed one by one.
const tellAll = 24

// Options describes a day.
type Options struct {
	// URL is the bank, such as http://127.0.0.1:8080.
	URL string
	// Bearer is the API key or token to call it with, empty for a bank that asks for none.
	Bearer string
	// Accounts is the number of customers, MinAccounts to MaxAccounts; the employer and the
	// landlord come on top.
	Accounts int
	// Speed is how many times faster than real time the day passes; 0 does not wait at all.
	Speed float64
	// Seed determines the day.
	Seed uint64
	// Out gets the story and the closing table.
	Out io.Writer
}

// day is the state of a day while it is played.
type day struct {
	Options
	client    *client.Client
	rng       *rand.Rand
	employer  *account
	landlord  *account
	customers []*account
	diary     diary
	planned   int
	counts    map[string]int
	commands  int
	// outside is the money that came in from outside the demo's accounts, less what went out.
	outside int64
}

// Run plays the day and checks the books. It fails with ErrDifference when the bank's reads are not
// what the demo expects.
func Run(ctx context.Context, o Options) error {
	if o.Accounts < MinAccounts || o.Accounts > MaxAccounts {
		return fmt.Errorf("a day has %d to %d accounts, not %d", MinAccounts, MaxAccounts, o.Accounts)
	}
	bank, err := client.New(client.Options{URL: o.URL, Key: o.Bearer})
	if err != nil {
		return err
	}
	defer bank.Close()
	d := &day{Options: o, client: bank, rng: newRand(o.Seed, o.Accounts), counts: map[string]int{}}
	d.plan()
	began := time.Now()
	if err := d.play(ctx); err != nil {
		return err
	}
	d.tellSummary(time.Since(began))
	return d.close(ctx)
}

// play runs the steps at their times, those that they add included.
func (d *day) play(ctx context.Context) error {
	now := opening
	for d.diary.Len() > 0 {
		s := heap.Pop(&d.diary).(step)
		if d.Speed > 0 && s.at > now {
			if err := backoff.Sleep(ctx, time.Duration(float64(s.at-now)/d.Speed)); err != nil {
				return err
			}
		}
		d.tellHours(now, s.at)
		now = s.at
		if err := s.run(ctx, s.at); err != nil {
			return fmt.Errorf("at %s: %w", clock(s.at), err)
		}
	}
	d.tellHours(now, closing)
	return ctx.Err()
}

// at puts a step in the diary, after those of the same time.
func (d *day) at(when time.Duration, run func(ctx context.Context, at time.Duration) error) {
	d.planned++
	heap.Push(&d.diary, step{when, d.planned, run})
}

// step is one event at a time of day.
type step struct {
	at    time.Duration
	place int
	run   func(ctx context.Context, at time.Duration) error
}

// diary is a heap of steps, the next one first.
type diary []step

func (d diary) Len() int      { return len(d) }
func (d diary) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d diary) Less(i, j int) bool {
	return d[i].at < d[j].at || d[i].at == d[j].at && d[i].place < d[j].place
}

// Push implements heap.Interface.
func (d *diary) Push(x any) { *d = append(*d, x.(step)) }

// Pop implements heap.Interface.
func (d *diary) Pop() any {
	last := len(*d) - 1
	s := (*d)[last]
	*d = (*d)[:last]
	return s
}

// newRand makes the day's random generator.
func newRand(seed uint64, accounts int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(accounts)))
}
