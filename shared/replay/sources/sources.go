package sources

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// Sink takes the records of one source, in order. It is used by one goroutine.
type Sink interface {
	// Keeps reports whether the sink takes the records of an account.
	Keeps(tenant, id string) bool
	// Take gets each such record of a segment.
	Take(ctx context.Context, in *archive.Planned, rec segment.Record) error
	// EndSegment follows a segment's last record, EndSource the last segment.
	EndSegment(s *archive.Planned)
	EndSource(ctx context.Context) error
	// Damaged gets the error of an entry, or of the rest of a segment. If it returns an error the
	// job ends.
	Damaged(in *archive.Planned, err error) error
}

// Read reads the sources of a plan in parallel, each in its order and after those that ended before
// it began, into a sink each.
func Read(ctx context.Context, b bucket.Bucket, p archive.Plan, depth segment.Depth, open func() Sink) error {
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
			err := readSource(ctx, b, s, depth, open())
			if err == nil {
				close(done[i])
			}
			return err
		})
	}
	return group.Wait()
}

func readSource(ctx context.Context, b bucket.Bucket, s archive.Run, depth segment.Depth, to Sink) error {
	for i := range s.Segments {
		planned := &s.Segments[i]
		opened, err := segment.Open(ctx, b, planned.Key)
		if err == nil {
			err = readSegment(ctx, opened, planned, depth, to)
		} else {
			err = to.Damaged(planned, err)
		}
		if err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return to.EndSource(ctx)
}

func readSegment(ctx context.Context, opened *segment.Segment, planned *archive.Planned, depth segment.Depth, to Sink) error {
	for rec, err := range opened.RecordsOf(depth, to.Keeps) {
		if err != nil {
			err = to.Damaged(planned, err)
		} else {
			err = to.Take(ctx, planned, rec)
		}
		if err != nil {
			return err
		}
	}
	to.EndSegment(planned)
	return nil
}
