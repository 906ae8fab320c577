package archive

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// footersAtOnce is how many footers are read concurrently. S3 answers each in about 30 ms.
const footersAtOnce = 32

// Planned is a segment of the archive with its footer.
type Planned struct {
	Object
	Footer segment.Footer
	// Suspicion tells a person why this is not the segment that was archived; "" if there is no
	// suspicion. Of a suspect segment only its own checksums are proven.
	Suspicion string
}

func (s *Planned) suspect() bool { return s.Suspicion != "" }

// Plan is what a job will read: the archive as it was when the plan was loaded.
type Plan struct {
	// Segments are in the order of their sources, and within a source in sequence order.
	Segments []Planned
	// Events, Entries and Bytes are sums over Segments. An entry in two segments counts twice.
	Events, Entries, Bytes int64
	// Gaps are the parts of sources that the archive lacks.
	Gaps []Gap
	// Ends are how far each source was archived.
	Ends []End
	// Retired are the segments that are damaged or missing, and that others replace. They are not
	// gaps.
	Retired []string
	// Strays are objects among the segments that are not segments, or that belong to no chain.
	Strays Strays

	// begins and ends are when the first readable segment of a source begins and the last one ends,
	// by arrival.
	begins, ends map[segment.Source]int64
}

// LoadPlan lists the archive, reads every footer and links the chains. Damaged and missing segments
// are no error; they are Gaps. An archive with segments of a newer format is segment.ErrNewer,
// since their absence from the plan would look like the end of the chains.
func LoadPlan(ctx context.Context, b bucket.Bucket) (Plan, error) {
	err := refuseNewer(ctx, b)
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	var objects []Object
	stray := func(key string) { p.Strays.add(key, "not the key of a segment") }
	for o, err := range listSegments(ctx, b, segment.Roots(), "", stray) {
		if err != nil {
			return Plan{}, err
		}
		objects = append(objects, o)
	}
	c := newChains(&p)
	c.markers, err = endMarkers(ctx, b, func(key string) { p.Strays.add(key, "not the key of an end marker") })
	if err != nil {
		return Plan{}, err
	}
	c.retired, err = loadRetired(ctx, b, p.Strays.add)
	if err != nil {
		return Plan{}, err
	}
	p.Retired = c.retired.keys()
	err = c.readFooters(ctx, b, objects)
	if err != nil {
		return Plan{}, err
	}
	c.linkAll()
	p.total()
	return p, nil
}

// readFooters reads the footers of all segments, many at once.
func (c chains) readFooters(ctx context.Context, b bucket.Bucket, objects []Object) error {
	footers, damage := make([]segment.Footer, len(objects)), make([]error, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(footersAtOnce)
	for i, object := range objects {
		group.Go(func() (err error) {
			footers[i], err = segment.ReadFooter(ctx, b, object.Key)
			if segment.Unusable(err) {
				damage[i], err = err, nil
			}
			return err
		})
	}
	err := group.Wait()
	if err != nil {
		return err
	}
	for i, object := range objects {
		source := object.Name.Source
		if damage[i] != nil {
			c.damaged[source] = append(c.damaged[source], damagedSegment{object, damage[i]})
			continue
		}
		c.whole[source] = append(c.whole[source], Planned{Object: object, Footer: footers[i]})
	}
	return nil
}

// widen extends the time range of the segment's source.
func (p *Plan) widen(s *Planned) {
	if _, begun := p.begins[s.Name.Source]; !begun {
		p.begins[s.Name.Source] = s.Footer.Arrived.From
	}
	p.ends[s.Name.Source] = max(p.ends[s.Name.Source], s.Footer.Arrived.To)
}

// total computes the sums over the segments.
func (p *Plan) total() {
	p.Events, p.Entries, p.Bytes = 0, 0, 0
	for _, s := range p.Segments {
		p.Events += s.Footer.Rows
		p.Entries += s.Footer.Entries
		p.Bytes += s.Size
	}
}

// Until leaves out the segments in which everything was recorded after t.
func (p Plan) Until(t time.Time) Plan {
	return p.Filter(func(s Planned) bool { return s.Footer.Recorded.From <= t.UnixMicro() })
}

// Between leaves out the segments in which nothing was recorded at or after from and before to.
func (p Plan) Between(from, to time.Time) Plan {
	return p.Filter(func(s Planned) bool {
		return s.Footer.Recorded.To >= from.UnixMicro() && s.Footer.Recorded.From < to.UnixMicro()
	})
}

// Trusted leaves out the suspect segments.
func (p Plan) Trusted() Plan { return p.Filter(func(s Planned) bool { return !s.suspect() }) }

// Filter returns the plan with the segments for which keep is true.
func (p Plan) Filter(keep func(Planned) bool) Plan {
	p.Segments = slices.DeleteFunc(slices.Clone(p.Segments), func(s Planned) bool { return !keep(s) })
	p.total()
	return p
}

func microTime(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
