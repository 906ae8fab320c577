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
	// Last is the last sequence number, Arrived the time when it arrived.
	Last    string    `json:"last_sequence"`
	Arrived time.Time `json:"arrived"`
	// CompleteUpTo is the time up to which nothing is missing: Arrived, unless the source has gaps.
	CompleteUpTo time.Time `json:"complete_up_to"`
	// Proven means that the source has end markers, which reveal a loss at its end. Ended means
	// that no segment can follow.
	Proven bool `json:"proven"`
	Ended  bool `json:"ended,omitempty"`
}

// Extent is how far an archive goes.
type Extent struct {
	// CompleteUpTo is the time up to which nothing is missing in any shard of the stream's newest
	// incarnation; zero if there is none.
	CompleteUpTo time.Time `json:"complete_up_to"`
	// Reaches is when the newest record arrived.
	Reaches time.Time `json:"reaches"`
	// Unproven counts the shards without end markers.
	Unproven int   `json:"unproven_shards"`
	Ends     []End `json:"shards"`
}

// Extent summarises the ends. A shard that is idle, or whose archiver does not keep up, delays
// CompleteUpTo; Ends show which.
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

// String returns the line that jobs print first.
func (x Extent) String() string {
	switch {
	case len(x.Ends) == 0:
		return "the end of the archive is not proven: it is empty"
	case x.Unproven > 0:
		return fmt.Sprintf("the end of the archive is not proven: %d of %d shards have no end marker; the newest record arrived at %s",
			x.Unproven, len(x.Ends), instant(x.Reaches))
	case x.CompleteUpTo.IsZero():
		return fmt.Sprintf("complete up to no time: the first segment of a shard is lost; the newest record arrived at %s", instant(x.Reaches))
	}
	return fmt.Sprintf("complete up to %s; the newest record arrived at %s", instant(x.CompleteUpTo), instant(x.Reaches))
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
