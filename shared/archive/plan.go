package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"passbook/shared/bucket"
	"passbook/shared/stream"
)

// footersAtOnce is how many footers are read at the same time: S3 answers each in some 30 ms, and thousands in parallel.
const footersAtOnce = 32

// Planned is a segment of the archive, as its footer describes it.
type Planned struct {
	Object
	Footer Footer
}

// Plan is what a job will read: the archive as it was when the plan was made.
type Plan struct {
	// Segments are in the order of their sources, and within a source in sequence order.
	Segments []Planned
	// Events, Entries and Bytes are the sums over Segments; an entry that two segments hold counts twice.
	Events, Entries, Bytes int64
	// Breaks names the places where a source's chain of segments has a link missing.
	Breaks []string
	// Damaged are the segments whose footers cannot be read, and are in nothing above. Each error names its object.
	Damaged []error
}

// LoadPlan lists the archive and reads every footer. Damaged ones are no error yet: see Whole.
func LoadPlan(ctx context.Context, b bucket.Bucket) (Plan, error) {
	var p Plan
	for object, err := range List(ctx, b) {
		if err != nil {
			return Plan{}, err
		}
		p.Segments = append(p.Segments, Planned{Object: object})
	}
	err := p.readFooters(ctx, b)
	if err != nil {
		return Plan{}, err
	}
	slices.SortFunc(p.Segments, func(a, b Planned) int {
		return cmp.Or(cmp.Compare(a.Name.Source.String(), b.Name.Source.String()), stream.CompareSequence(a.Name.First, b.Name.First))
	})
	p.sum()
	p.Breaks = breaks(p.Segments)
	return p, nil
}

func (p *Plan) readFooters(ctx context.Context, b bucket.Bucket) error {
	damage := make([]error, len(p.Segments))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(footersAtOnce)
	for i := range p.Segments {
		s := &p.Segments[i]
		group.Go(func() (err error) {
			s.Footer, err = ReadFooter(ctx, b, s.Object)
			if errors.Is(err, ErrDamaged) || errors.Is(err, ErrNewer) {
				damage[i], err = err, nil
			}
			return err
		})
	}
	err := group.Wait()
	if err != nil {
		return err
	}
	whole := p.Segments[:0]
	for i, s := range p.Segments {
		if damage[i] != nil {
			p.Damaged = append(p.Damaged, damage[i])
			continue
		}
		whole = append(whole, s)
	}
	p.Segments = whole
	return nil
}

// Whole is the plan, or the error of its first damaged segment.
func (p Plan) Whole() (Plan, error) {
	if len(p.Damaged) > 0 {
		return Plan{}, p.Damaged[0]
	}
	return p, nil
}

func (p *Plan) sum() {
	p.Events, p.Entries, p.Bytes = 0, 0, 0
	for _, s := range p.Segments {
		p.Events += s.Footer.Rows
		p.Entries += s.Footer.Entries
		p.Bytes += s.Size
	}
}

// Until leaves out the segments in which everything was recorded after t.
func (p Plan) Until(t time.Time) Plan {
	return p.Only(func(s Planned) bool { return s.Footer.Recorded.From <= t.UnixMicro() })
}

// Between leaves out the segments in which nothing was recorded from a time on and before another.
func (p Plan) Between(from, to time.Time) Plan {
	return p.Only(func(s Planned) bool {
		return s.Footer.Recorded.To >= from.UnixMicro() && s.Footer.Recorded.From < to.UnixMicro()
	})
}

// Only is the part of the plan that keep selects.
func (p Plan) Only(keep func(Planned) bool) Plan {
	p.Segments = slices.DeleteFunc(slices.Clone(p.Segments), func(s Planned) bool { return !keep(s) })
	p.sum()
	return p
}

// breaks holds the chain of each source together.
func breaks(segments []Planned) []string {
	var found []string
	var before Planned
	for _, s := range segments {
		want := Link{}
		if before.Name.Source == s.Name.Source {
			want = Link{Key: before.Key, Last: before.Footer.Last}
		}
		if s.Footer.Previous != want {
			found = append(found, fmt.Sprintf("%s comes after %s, but what is there before it is %s", s.Key, s.Footer.Previous, want))
		}
		before = s
	}
	return found
}
