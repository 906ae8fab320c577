package archive

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"passbook/shared/segment"
)

// Bound is how far a source was archived according to something outside the archive.
type Bound struct {
	Source segment.Source
	Last   string
	// By names the source of this knowledge, for the text of a gap.
	By string
}

// Evidence is what is known of an archive from outside it.
type Evidence struct {
	Bounds []Bound
	// Bank is the id of its bank; empty if unknown.
	Bank string
	// Since is when its bank took possession of it; zero if unknown.
	Since time.Time
}

// With returns the plan with gaps where the archive ends before its bounds, and without segments
// and streams that cannot be its bank's.
func (p Plan) With(k Evidence) Plan {
	p = p.OfBank(k.Bank)
	for _, b := range k.Bounds {
		b.Source.Created = time.Unix(b.Source.Created.Unix(), 0).UTC()
		p = p.withBound(b)
	}
	if k.Since.IsZero() {
		return p
	}
	return p.withoutSources(p.foreignSources(k.Since))
}

// OfBank returns the plan without the segments that name another bank, with a gap for each. An
// empty id is that of a bank that is not known.
func (p Plan) OfBank(bank string) Plan {
	others := map[string]error{}
	for _, s := range p.Segments {
		if bank != "" && s.Footer.Bank != "" && s.Footer.Bank != bank {
			others[s.Key] = fmt.Errorf("archive: %s is not read: it is of bank %s, and the archive is of bank %s", s.Key, s.Footer.Bank, bank)
		}
	}
	if len(others) == 0 {
		return p
	}
	return p.Without(others).Filter(func(s Planned) bool { return others[s.Key] == nil })
}

// withBound returns the plan with a gap if the archive ends before the bound.
func (p Plan) withBound(b Bound) Plan {
	i := slices.IndexFunc(p.Ends, func(e End) bool { return e.Source == b.Source })
	end := End{Source: b.Source, Shard: b.Source.String()}
	if i >= 0 {
		end = p.Ends[i]
	}
	covered := slices.ContainsFunc(p.Gaps, func(g Gap) bool { return g.Source == b.Source && g.contains(b.Last) })
	if !isAfter(b.Last, end.Last) || covered {
		return p
	}
	what := fmt.Sprintf("archive: %s ends at %s, but according to %s it was archived up to %s", b.Source, cmp.Or(end.Last, "its beginning"), b.By, b.Last)
	p.Gaps = append(slices.Clone(p.Gaps), Gap{
		Source: b.Source, After: segment.Link{Last: end.Last}, Last: b.Last, Until: unbounded, What: what, sourceBegan: cmp.Or(p.begins[b.Source], unbounded),
	})
	p.Ends = slices.Clone(p.Ends)
	if i < 0 {
		p.Ends = append(p.Ends, end)
		i = len(p.Ends) - 1
	}
	p.Ends[i].Proven = true
	return p
}

// clockTolerance is how much earlier than the owner's Since a record may have arrived, by another
// clock.
const clockTolerance = 5 * time.Minute

// incarnation identifies a stream from one creation to its deletion.
type incarnation struct {
	stream  string
	created time.Time
}

// foreignSources returns the sources of streams that cannot be of the bank that took the archive at
// since. An incarnation of a stream that has end markers is the bank's. One without any is
//   - foreign if its time overlaps that of one that has them;
//   - foreign if it was created after since, and another one has markers;
//   - foreign if those with markers began after since: the bank has nothing older;
//   - else the bank's, from before end markers were written.
func (p Plan) foreignSources(since time.Time) map[segment.Source]bool {
	marked, ends, begun := map[incarnation]bool{}, map[incarnation]int64{}, int64(unbounded)
	for _, e := range p.Ends {
		l := incarnation{e.Source.Stream, e.Source.Created}
		ends[l] = max(ends[l], p.ends[e.Source])
		if first, ok := p.begins[e.Source]; ok && e.Proven {
			begun = min(begun, first)
		}
		marked[l] = marked[l] || e.Proven
	}
	born := begun != unbounded && begun >= since.Add(-clockTolerance).UnixMicro()
	foreign := map[segment.Source]bool{}
	for source, ended := range p.ends {
		if marked[incarnation{source.Stream, source.Created}] {
			continue
		}
		strange := born || begun != unbounded && source.Created.After(since)
		for l, is := range marked {
			strange = strange || is && ended > l.created.UnixMicro() && ends[l] > source.Created.UnixMicro()
		}
		foreign[source] = strange
	}
	return foreign
}

// withoutSources returns the plan without foreign sources, with a gap that names each.
func (p Plan) withoutSources(foreign map[segment.Source]bool) Plan {
	for source, is := range foreign {
		if is {
			p.Gaps = append(slices.Clone(p.Gaps), Gap{Source: source, What: fmt.Sprintf(
				"archive: %s is not read: its stream has no end marker, so it is not this bank's", source)})
		}
	}
	slices.SortFunc(p.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Source.String(), b.Source.String()), cmp.Compare(a.What, b.What))
	})
	p.Ends = slices.DeleteFunc(slices.Clone(p.Ends), func(e End) bool { return foreign[e.Source] })
	return p.Filter(func(s Planned) bool { return !foreign[s.Name.Source] })
}
