package tip

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"passbook/shared/stream"
)

const (
	// MaxBytes bounds the records that all tips of a process keep, and maxTipBytes those of one.
	// Each keeps at least its newest record.
	MaxBytes    = 32 << 20
	maxTipBytes = 2 << 20
	// MaxRead and readRecords bound what a Reader returns at once.
	MaxRead     = 256 << 10
	readRecords = 500
	// Margin bounds how far the clocks of this machine and of the stream may be apart, and how long
	// a record may take until a reader finds it.
	Margin = time.Minute
	// staleAfter is how long a tip may not be filled until what follows may be gone.
	staleAfter = time.Hour
)

// ErrLost means that a tip no longer has what follows a reader's place.
var ErrLost = errors.New("feed: the newest records of the shard do not reach back to the place")

// Tip keeps the newest records of a shard.
type Tip struct {
	tips      *Tips
	shard, id string

	mu sync.Mutex
	// records are the newest, and first is the number of the oldest of them since the tip began.
	records []stream.Delivered
	first   int64
	bytes   int
	// floor is the sequence number of the newest record that is not kept any more, empty if there
	// is none; last is that of the newest of all, and next where a subscription continues.
	floor, last, next string
	// since is a time by the clock of this machine from which on the tip has every record that
	// arrived, and caughtUp one up to which.
	since, caughtUp time.Time
	live, ended     bool
	gone            bool // nothing fills it any more
	changed         chan struct{}

	readers int
	left    time.Time // when the last reader closed
	stop    context.CancelFunc
}

// Place is where a reader is in a shard.
type Place struct {
	// Latest is after the newest record; the other fields are then empty.
	Latest bool
	// After is the sequence number of the last record that was read, empty if none was.
	After string
	// CaughtUp is a time up to which everything was read.
	CaughtUp time.Time
}

// Batch is what a Reader read.
type Batch struct {
	Records []stream.Delivered
	// CaughtUp is a time up to which everything was read, zero if that is not known.
	CaughtUp time.Time
	Ended    bool
}

// Join returns a reader of everything that follows a place; false if the tip does not reach back to
// it.
func (t *Tip) Join(p Place) (*Reader, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.live || t.gone {
		return nil, false
	}
	n := len(t.records)
	at := func(found func(r stream.Delivered) bool) int64 {
		if i := slices.IndexFunc(t.records, found); i >= 0 {
			return t.first + int64(i)
		}
		return t.first + int64(n)
	}
	after := func(r stream.Delivered) bool { return p.After == "" || stream.CompareSequence(r.Sequence, p.After) > 0 }
	reaches := p.After != "" && (t.floor != "" && stream.CompareSequence(p.After, t.floor) >= 0 ||
		t.floor == "" && n > 0 && stream.CompareSequence(p.After, t.records[0].Sequence) >= 0)
	from := p.CaughtUp.Add(-Margin)
	switch {
	case p.Latest:
		return t.reader(t.first + int64(n)), true
	case reaches:
		return t.reader(at(after)), true
	case !p.CaughtUp.IsZero() && !from.Before(t.since):
		return t.reader(at(func(r stream.Delivered) bool { return after(r) && (p.After != "" || !r.Arrived.Before(from)) })), true
	}
	return nil, false
}

// reader makes a reader at the number of a record. The caller holds the mutex.
func (t *Tip) reader(number int64) *Reader { return &Reader{tip: t, next: number} }

// Reader reads a tip from its place on. It is not safe for concurrent use.
type Reader struct {
	tip  *Tip
	next int64
}

// Await waits until there are records to read, the shard has ended, or the wait is over.
func (r *Reader) Await(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		found, changed := r.ready()
		if found {
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return r.tip.tips.serves()
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := r.tip.tips.serves(); err != nil {
			return err
		}
	}
}

// ready reports whether Read has something to return, and a channel that is closed when that may
// have changed.
func (r *Reader) ready() (bool, <-chan struct{}) {
	t := r.tip
	t.mu.Lock()
	defer t.mu.Unlock()
	return r.next != t.first+int64(len(t.records)) || t.ended || t.gone, t.changed
}

// Read returns the next records, if there are any: up to MaxRead bytes and one record.
func (r *Reader) Read() (b Batch, err error) {
	t := r.tip
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.next < t.first || t.gone && !t.ended {
		return b, ErrLost
	}
	rest := t.records[r.next-t.first:]
	bytes := 0
	for _, record := range rest {
		if len(b.Records) == readRecords || bytes > MaxRead {
			break
		}
		b.Records = append(b.Records, record)
		bytes += size(record)
	}
	r.next += int64(len(b.Records))
	if len(b.Records) == len(rest) {
		b.CaughtUp, b.Ended = t.caughtUp, t.ended
	} else {
		b.CaughtUp = b.Records[len(b.Records)-1].Arrived
	}
	return b, nil
}

// Back returns to the place before the batch that was read last, which is read again.
func (r *Reader) Back(b Batch) { r.next -= int64(len(b.Records)) }

// add keeps a batch that was read or received at a time. Of one that was received next is where a
// subscription continues.
func (t *Tip) add(b stream.Batch, next string, at time.Time) {
	most := t.tips.tipBytes() // before the mutex, which Tips locks after its own
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range b.Records {
		if t.last != "" && stream.CompareSequence(r.Sequence, t.last) <= 0 {
			continue
		}
		t.records, t.last = append(t.records, r), r.Sequence
		t.bytes += size(r)
	}
	t.trim(most)
	t.next = next
	if b.Behind == 0 {
		t.caughtUp = at
	}
	t.ended = b.Next == ""
	t.live = t.live || b.Behind == 0 || t.ended
	t.wake()
}

// trim drops the oldest records until the others fit. The caller holds the mutex.
func (t *Tip) trim(most int) {
	dropped := 0
	for ; t.bytes > most && dropped < len(t.records)-1; dropped++ {
		r := t.records[dropped]
		t.bytes -= size(r)
		t.floor = r.Sequence
		if r.Arrived.After(t.since) {
			t.since = r.Arrived
		}
	}
	t.records = slices.Delete(t.records, 0, dropped)
	t.first += int64(dropped)
}

// wake tells the readers that something has changed. The caller holds the mutex.
func (t *Tip) wake() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// begins returns where to continue to fill the tip. If that was interrupted for so long that what
// follows may be gone, the tip begins again.
func (t *Tip) begins(subscribing bool) stream.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	filled := t.caughtUp
	if filled.Before(t.since) {
		filled = t.since
	}
	if now.Sub(filled) > staleAfter {
		t.first += int64(len(t.records)) + 1 // what follows is lost to all readers
		t.records, t.bytes, t.floor, t.last, t.next, t.caughtUp, t.live = nil, 0, "", "", "", time.Time{}, false
		t.since = now.Add(-Margin)
		t.wake()
		filled = now
	}
	if subscribing && t.next != "" {
		return stream.Position{Where: stream.AfterSequence, Sequence: t.next}
	}
	return stream.Position{Where: stream.AtTime, Time: filled.Add(-Margin)}
}

// lose tells all readers that nothing fills the tip any more.
func (t *Tip) lose() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone = true
	t.wake()
}

func (t *Tip) isLive() (live bool, changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live || t.gone, t.changed
}

// size returns about how much memory a record needs.
func size(r stream.Delivered) int { return len(r.Data) + len(r.PartitionKey) + len(r.Sequence) + 100 }
