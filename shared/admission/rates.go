package admission

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"passbook/shared/backoff"
)

// leastWait is the shortest pause before patient work looks again whether it may be sent.
const leastWait = time.Millisecond

// generation is how many callers come, at least, between two requests of one that is forgotten.
const generation = 5_000

// Rates bound how many requests each caller sends in a second. A caller that has sent none for a
// while may send a burst. It remembers the callers of late, at most twice a generation; one that is
// forgotten begins with a whole burst. A Rates is safe for concurrent use.
type Rates struct {
	rate  rate.Limit
	burst int

	mu sync.Mutex
	// young are the callers since the last turn of the generation, old those of the one before.
	young, old map[Caller]*rate.Limiter
	refused    int64
}

// NewRates returns the bounds of a process: perSecond from 1, burst from 1.
func NewRates(perSecond, burst int) *Rates {
	return &Rates{rate: rate.Limit(perSecond), burst: burst, young: map[Caller]*rate.Limiter{}}
}

// Quota is what is left of a caller's burst.
type Quota struct {
	// Left is how many requests may be sent at once now, Full in how many seconds a whole burst
	// may.
	Left, Full int
	// Wait is in how many seconds the request may be sent that was refused; 0 for one that was not.
	Wait int
}

// Take counts a request. It is refused where the Quota has a Wait.
func (r *Rates) Take(who Caller) Quota {
	r.mu.Lock()
	defer r.mu.Unlock()
	bucket, now := r.bucket(who), time.Now()
	ok := bucket.AllowN(now, 1)
	tokens := max(bucket.TokensAt(now), 0)
	q := Quota{Left: int(tokens), Full: r.seconds(float64(r.burst) - tokens)}
	if !ok {
		q.Left, q.Wait = 0, max(r.seconds(1-tokens), 1)
		r.refused++
	}
	return q
}

// seconds returns in how many whole seconds so many requests may be sent.
func (r *Rates) seconds(requests float64) int { return int(math.Ceil(requests / float64(r.rate))) }

// Wait counts a request of patient work once it may be sent. It leaves one of the burst to the
// caller's other requests, which so come first. It returns the error of ctx if that ends before.
func (r *Rates) Wait(ctx context.Context, who Caller) error {
	for {
		wait, ok := r.spare(who)
		if ok {
			return nil
		}
		if err := backoff.Sleep(ctx, max(wait, leastWait)); err != nil {
			return err
		}
	}
}

// spare counts a request if another one may be sent besides, or the burst is one. Otherwise it
// returns how long that takes at the caller's rate.
func (r *Rates) spare(who Caller) (time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	bucket, now := r.bucket(who), time.Now()
	missing := float64(min(r.burst, 2)) - bucket.TokensAt(now)
	if missing <= 0 && bucket.AllowN(now, 1) {
		return 0, true
	}
	return time.Duration(missing / float64(r.rate) * float64(time.Second)), false
}

// Burst returns how many requests may be sent at once, and in how many seconds as many again.
func (r *Rates) Burst() (requests, seconds int) { return r.burst, r.seconds(float64(r.burst)) }

// Refused returns how many requests were refused.
func (r *Rates) Refused() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// bucket returns the caller's. The lock is held.
func (r *Rates) bucket(who Caller) *rate.Limiter {
	if known := r.young[who]; known != nil {
		return known
	}
	bucket := r.old[who]
	if bucket == nil {
		bucket = rate.NewLimiter(r.rate, r.burst)
	}
	if len(r.young) >= generation {
		r.old, r.young = r.young, make(map[Caller]*rate.Limiter, generation)
	}
	r.young[who] = bucket
	return bucket
}
