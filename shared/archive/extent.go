package archive

import (
	"fmt"
	"time"

	"passbook/shared/segment"
)

// End is how far the archive goes in one source.
type End struct {
	Source segment.Source `json:"-"`
	Shard  string         `json:"shard"`
	// Last is the last sequence number, and Arrived when it arrived.
	Last    string    `json:"last_sequence"`
	Arrived time.Time `json:"arrived"`
	// CompleteUpTo is up to when nothing is missing: Arrived, unless the source has gaps.
	CompleteUpTo time.Time `json:"complete_up_to"`
	// Proven says that end markers bound the source: what is gone from its end is seen. Ended says
	// that nothing can come after.
	Proven bool `json:"proven"`
	Ended  bool `json:"ended,omitempty"`
}

// Extent is how far an archive goes.
type Extent struct {
	// CompleteUpTo is up to when nothing is missing on any shard of the stream's present life; zero
	// where that is never.
	CompleteUpTo time.Time `json:"complete_up_to"`
	// Reaches is when the newest record arrived.
	Reaches time.Time `json:"reaches"`
	// Unproven counts the shards whose end nothing proves.
	Unproven int   `json:"unproven_shards"`
	Ends     []End `json:"shards"`
}

// Extent sums the ends up. A shard that is idle, or whose archiver does not keep up, holds
// CompleteUpTo back: Ends tell which.
func (p Plan) Extent() Extent {
	x := Extent{Ends: p.Ends}
	newest := map[string]time.Time{}
	for _, e := range p.Ends {
		if e.Source.Created.After(newest[e.Source.Stream]) {
			newest[e.Source.Stream] = e.Source.Created
		}
	}
	first := true
	for _, e := range p.Ends {
		if e.Arrived.After(x.Reaches) {
			x.Reaches = e.Arrived
		}
		if !e.Proven {
			x.Unproven++
		}
		if e.Ended && e.CompleteUpTo.Equal(e.Arrived) || !e.Source.Created.Equal(newest[e.Source.Stream]) {
			continue
		}
		if first || e.CompleteUpTo.Before(x.CompleteUpTo) {
			x.CompleteUpTo, first = e.CompleteUpTo, false
		}
	}
	if first {
		x.CompleteUpTo = x.Reaches
	}
	return x
}

// String is the line that jobs begin with.
func (x Extent) String() string {
	switch {
	case len(x.Ends) == 0:
		return "nothing proves where this ends: the archive is empty"
	case x.Unproven > 0:
		return fmt.Sprintf("nothing proves where this ends: %d of %d shards have no end marker; the newest record arrived at %s",
			x.Unproven, len(x.Ends), instant(x.Reaches))
	case x.CompleteUpTo.IsZero():
		return fmt.Sprintf("complete from nowhere: what is lost begins a shard; the newest record arrived at %s", instant(x.Reaches))
	}
	return fmt.Sprintf("complete up to %s; the newest record arrived at %s", instant(x.CompleteUpTo), instant(x.Reaches))
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
