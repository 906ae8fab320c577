package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// Reached is how far a reader that comes again and again has read the archive.
type Reached struct {
	// Last has of each source, by its String, the last sequence number of the newest segment that
	// was read. Every segment of the source before it was read too.
	Last map[string]string
	// Again are the keys of segments among those that are to be read once more.
	Again map[string]bool
}

// LoadPlanAfter returns the part of LoadPlan's plan that a reader has not reached, with the last
// segment of each source that it has. It reads no other footers, so that it costs a listing and
// what is new. What was lost or damaged before is not in its gaps.
func LoadPlanAfter(ctx context.Context, b bucket.Bucket, r Reached) (Plan, error) {
	err := refuseNewer(ctx, b)
	if err != nil {
		return Plan{}, err
	}
	var p Plan
	d := division{reached: r, last: map[segment.Source][]Object{}}
	stray := func(key string) { p.Strays.add(key, "not the key of a segment") }
	for o, err := range listSegments(ctx, b, segment.Roots(), "", stray) {
		if err != nil {
			return Plan{}, err
		}
		d.add(o)
	}
	c := newChains(&p)
	markers, err := endMarkers(ctx, b, func(key string) { p.Strays.add(key, "not the key of an end marker") })
	if err != nil {
		return Plan{}, err
	}
	for source, all := range markers {
		c.markers[source] = slices.DeleteFunc(all, func(m EndMarker) bool { return d.passed(source, m.Name.First) })
	}
	c.retired, err = loadRetired(ctx, b, p.Strays.add)
	if err != nil {
		return Plan{}, err
	}
	p.Retired = c.retired.keys()
	objects := d.fresh
	for source, last := range d.last {
		c.from[source] = last[0].Name.First
		objects = append(objects, last...)
	}
	err = c.readFooters(ctx, b, objects)
	if err != nil {
		return Plan{}, err
	}
	c.linkAll()
	err = c.addAgain(ctx, b, d)
	p.total()
	return p, err
}

// addAgain adds to the plan the segments that are to be read once more. Those that cannot be read
// are gaps.
func (c chains) addAgain(ctx context.Context, b bucket.Bucket, d division) error {
	again := newChains(nil)
	err := again.readFooters(ctx, b, d.again)
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, segments := range again.whole {
		c.plan.Segments = append(c.plan.Segments, segments...)
	}
	for _, s := range c.plan.Segments {
		found[s.Key] = true
	}
	lacks := func(key string, source segment.Source, why string) {
		after := segment.Link{Last: d.reached.Last[source.String()]}
		c.plan.Gaps = append(c.plan.Gaps, Gap{Source: source, Key: key, After: after, Until: unbounded, What: why})
		found[key] = true
	}
	for source, all := range again.damaged {
		for _, s := range all {
			lacks(s.Key, source, s.Err.Error())
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.reached.Again)) {
		name, err := segment.ParseKey(key)
		if err == nil && !found[key] && !c.retired.contains(name.Source, key) {
			lacks(key, name.Source, fmt.Sprintf("archive: %s is missing", key))
		}
	}
	return nil
}

// division divides the segments of the archive at what a reader has reached.
type division struct {
	reached Reached
	// last are of each source the newest segment that was read, and its copies.
	last         map[segment.Source][]Object
	again, fresh []Object
}

// add adds a segment.
func (d *division) add(o Object) {
	last := d.reached.Last[o.Name.Source.String()]
	if last == "" || isAfter(o.Name.First, last) {
		d.fresh = append(d.fresh, o)
		return
	}
	known := d.last[o.Name.Source]
	order := 1
	if len(known) > 0 {
		order = compareSequence(o.Name.First, known[0].Name.First)
	}
	older := []Object{o}
	switch {
	case order > 0:
		older, d.last[o.Name.Source] = known, older
	case order == 0:
		older, d.last[o.Name.Source] = nil, append(known, o)
	}
	for _, o := range older {
		if d.reached.Again[o.Key] {
			d.again = append(d.again, o)
		}
	}
}

// passed reports whether a segment of a source is before the newest one that was read.
func (d *division) passed(source segment.Source, first string) bool {
	last := d.last[source]
	return len(last) > 0 && compareSequence(first, last[0].Name.First) < 0
}

// begin returns what a source's chain begins behind: nothing, or what the first segment of the part
// that is read names, since a reader has proven the part before it.
func (c chains) begin(source segment.Source, segments []Planned) segment.Link {
	if first, cut := c.from[source]; cut && len(segments) > 0 && segments[0].Name.First == first {
		return segments[0].Footer.Previous
	}
	return segment.Link{}
}

// newChains returns chains that are linked into a plan.
func newChains(p *Plan) chains {
	return chains{
		whole: map[segment.Source][]Planned{}, damaged: map[segment.Source][]damagedSegment{}, markers: map[segment.Source][]EndMarker{},
		from: map[segment.Source]string{}, plan: p,
	}
}
