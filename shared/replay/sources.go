package replay

import (
	"context"

	"passbook/shared/archive"
	"passbook/shared/bucket"
)

// source is the segments of one shard of one stream.
type source struct {
	segments []archive.Planned
	// after are the places of the sources that ended before this one began: its shard's parents are
	// among them.
	after []int
}

// sources groups a plan by source. A child shard begins after its parents ended, and so does
// everything in it.
func sources(p archive.Plan) []source {
	var all []source
	for i, s := range p.Segments {
		if i == 0 || s.Name.Source != p.Segments[i-1].Name.Source {
			all = append(all, source{})
		}
		last := &all[len(all)-1]
		last.segments = append(last.segments, s)
	}
	for i := range all {
		for j := range all {
			if all[j].end() <= all[i].begin() && all[j].begin() < all[i].begin() {
				all[i].after = append(all[i].after, j)
			}
		}
	}
	return all
}

func (s source) begin() int64 { return s.segments[0].Footer.Arrived.From }
func (s source) end() int64   { return s.segments[len(s.segments)-1].Footer.Arrived.To }

// loadPlan is the plan of a job: what is known to have been archived and is not there is a gap, and
// what is in doubt is not read.
func loadPlan(ctx context.Context, b bucket.Bucket, known archive.Evidence) (archive.Plan, error) {
	p, err := archive.LoadPlan(ctx, b)
	return p.With(known).Trusted(), err
}
