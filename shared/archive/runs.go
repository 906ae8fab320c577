package archive

// Run has the segments of one source in a plan, in order.
type Run struct {
	Segments []Planned
	// After are the indexes of the runs that ended before this one began, which include those of
	// its shard's parents.
	After []int
}

// Runs groups the plan's segments by source. A child shard begins after its parents ended, and so
// does everything in it.
func (p Plan) Runs() []Run {
	var all []Run
	for i, s := range p.Segments {
		if i == 0 || s.Name.Source != p.Segments[i-1].Name.Source {
			all = append(all, Run{})
		}
		last := &all[len(all)-1]
		last.Segments = append(last.Segments, s)
	}
	for i := range all {
		for j := range all {
			if all[j].end() <= all[i].begin() && all[j].begin() < all[i].begin() {
				all[i].After = append(all[i].After, j)
			}
		}
	}
	return all
}

func (r Run) begin() int64 { return r.Segments[0].Footer.Arrived.From }
func (r Run) end() int64   { return r.Segments[len(r.Segments)-1].Footer.Arrived.To }
