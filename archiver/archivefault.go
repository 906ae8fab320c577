package archiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"passbook/shared/consumer"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// retryAfter is how long a suspended shard pauses before it is tried again.
const retryAfter = 30 * time.Second

// errRetry ends the pause of a suspended shard.
var errRetry = errors.New("archiver: the suspended shard is tried again")

// archiveFault is what is wrong with a shard's archive.
type archiveFault struct {
	what string
	// until is the sequence number whose archiving ends the fault; "" if only a restart can.
	until string
	// again is when a suspended shard is tried again; zero for one that is archived.
	again time.Time
}

// archiveFaults are those of a process, by source. It is safe for concurrent use; its zero value is
// ready.
type archiveFaults struct {
	mu sync.Mutex
	of map[string]archiveFault
}

func (t *archiveFaults) set(source segment.Source, is archiveFault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = make(map[string]archiveFault)
	}
	t.of[source.String()] = is
}

func (t *archiveFaults) get(source segment.Source) archiveFault {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[source.String()]
}

// passed notes that a segment was sealed up to a sequence number: a shard that was suspended is no
// longer.
func (t *archiveFaults) passed(source segment.Source, last string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	is := t.of[source.String()]
	if !is.again.IsZero() || is.until != "" && stream.CompareSequence(last, is.until) >= 0 {
		delete(t.of, source.String())
	}
}

func (t *archiveFaults) suspended() (n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, is := range t.of {
		if !is.again.IsZero() {
			n++
		}
	}
	return n
}

// Ready returns nil, or what is wrong with the archive of shards that this process has or had:
// losses, and suspended shards. Only the archive depends on it.
func (a *Archiver) Ready() error {
	a.archiveFaults.mu.Lock()
	defer a.archiveFaults.mu.Unlock()
	var all []string
	for _, source := range slices.Sorted(maps.Keys(a.archiveFaults.of)) {
		all = append(all, source+": "+a.archiveFaults.of[source].what)
	}
	if len(all) == 0 {
		return nil
	}
	return errors.New(strings.Join(all, "; "))
}

// Suspended returns nil, or which shards are not archived and why.
func (a *Archiver) Suspended() error {
	if a.archiveFaults.suspended() == 0 {
		return nil
	}
	return a.Ready()
}

// reportLoss notes that the end of a source's chain was lost, up to a sequence number that was
// archived before.
func (a *Archiver) reportLoss(source segment.Source, until string, what error) {
	a.stats.losses.Add(1)
	a.config.Log.Error("a part of the archive was lost", "shard", source.String(), "error", what)
	a.archiveFaults.set(source, archiveFault{what: what.Error(), until: until})
}

// afterDamage returns the end of a chain whose newest segment is damaged. Where it ended is
// unknown: at the checkpoint, or, if that is before it, no earlier than it began. Its entries are
// in the journal.
func (a *Archiver) afterDamage(source segment.Source, key, checkpoint string, damage error) (segment.Link, error) {
	name, err := segment.ParseKey(key)
	if err != nil {
		return segment.Link{}, fmt.Errorf("archiver: end of %s: %w", source, err)
	}
	last := checkpoint
	if stream.CompareSequence(name.First, last) > 0 {
		last = name.First
	}
	a.reportLoss(source, "", fmt.Errorf("%w; archiving continues after it; run audit --repair to archive its entries again", damage))
	return segment.Link{Key: key, Last: last}, nil
}

// suspend pauses a source: the conflict remains, and is checked again from time to time.
func (a *Archiver) suspend(source segment.Source, why error) *suspendedHandler {
	if a.archiveFaults.get(source).again.IsZero() {
		a.config.Log.Error("the shard is not archived", "shard", source.String(), "error", why)
	}
	again := time.Now().Add(retryAfter)
	a.archiveFaults.set(source, archiveFault{what: fmt.Sprintf("suspended: %v; run audit to see what differs", why), again: again})
	return &suspendedHandler{again}
}

// suspendedShard returns the handler of a source that is paused now.
func (a *Archiver) suspendedShard(source segment.Source) (*suspendedHandler, bool) {
	again := a.archiveFaults.get(source).again
	return &suspendedHandler{again}, time.Now().Before(again)
}

// suspendedHandler is the consumer.Handler of a suspended shard. It keeps the lease and takes
// nothing.
type suspendedHandler struct{ again time.Time }

// Handle leaves the checkpoint where it is.
func (p *suspendedHandler) Handle(_ context.Context, b consumer.Batch) (string, error) {
	if b.Ended || !time.Now().Before(p.again) {
		return "", errRetry
	}
	return "", nil
}

// Close does nothing.
func (p *suspendedHandler) Close() error { return nil }
