package replay

import (
	"context"

	"passbook/shared/archive"
	"passbook/shared/bucket"
)

// source has the segments of one shard of one stream.
type source struct {
	segments []archive.Planned
	// after are the indexes of the sources that ended before this one began, which include its
	// shard's parents.
	after []int
}

// sources groups a plan's segments by source. A child shard begins after its parents ended, and so
// does everything in it.
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

// loadPlan loads the plan of a job. Segments that are known to have been archived and are missing
// are gaps, and suspect segments are not read.
func loadPlan(ctx context.Context, b bucket.Bucket, known archive.Evidence) (archive.Plan, error) {
	p, err := archive.LoadPlan(ctx, b)
	return p.With(known).Trusted(), err
}
