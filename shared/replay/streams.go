package replay

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/origin"
	"passbook/shared/segment"
)

// sink takes the records of one source, in order. It is used by one goroutine.
type sink interface {
	// keeps reports whether the sink takes the records of an account.
	keeps(tenant, id string) bool
	// take gets each such record of a segment.
	take(ctx context.Context, in *archive.Planned, rec segment.Record) error
	// endSegment follows a segment's last record, endSource the last segment.
	endSegment(s *archive.Planned)
	endSource(ctx context.Context) error
	// damaged gets the error of an entry, or of the rest of a segment. If it returns an error the
	// job ends.
	damaged(in *archive.Planned, err error) error
}

// streamSources reads the sources of a plan in parallel, each in its order and after those that
// ended before it began, into a sink each.
func streamSources(ctx context.Context, b bucket.Bucket, p archive.Plan, depth segment.Depth, open func() sink) error {
	sources := p.Runs()
	done := make([]chan struct{}, len(sources))
	for i := range done {
		done[i] = make(chan struct{})
	}
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	group, ctx := errgroup.WithContext(ctx)
	for i, s := range sources {
		group.Go(func() error {
			for _, j := range s.After {
				select {
				case <-done[j]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			case <-ctx.Done():
				return ctx.Err()
			}
			err := streamSource(ctx, b, s, depth, open())
			if err == nil {
				close(done[i])
			}
			return err
		})
	}
	return group.Wait()
}

func streamSource(ctx context.Context, b bucket.Bucket, s archive.Run, depth segment.Depth, to sink) error {
	for i := range s.Segments {
		planned := &s.Segments[i]
		opened, err := segment.Open(ctx, b, planned.Key)
		if err == nil {
			err = streamSegment(ctx, opened, planned, depth, to)
		} else {
			err = to.damaged(planned, err)
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return to.endSource(ctx)
}

func streamSegment(ctx context.Context, opened *segment.Segment, planned *archive.Planned, depth segment.Depth, to sink) error {
	for rec, err := range opened.RecordsOf(depth, to.keeps) {
		if err != nil {
			err = to.damaged(planned, err)
		} else {
			err = to.take(ctx, planned, rec)
		}
		if err != nil {
			return err
		}
	}
	to.endSegment(planned)
	return nil
}

// loadPlan loads the plan of a job. Segments that are known to have been archived and are missing
// are gaps. Suspect segments are gaps too, and are read only if each entry proves that it is the
// bank's.
func loadPlan(ctx context.Context, b bucket.Bucket, known archive.Evidence, p *origin.Proof) (archive.Plan, error) {
	plan, err := archive.LoadPlan(ctx, b)
	plan = plan.With(known)
	if !p.Complete() {
		plan = plan.Trusted()
	}
	return plan, err
}
