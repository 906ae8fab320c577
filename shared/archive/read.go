package archive

import (
	"context"
	"errors"
	"hash/fnv"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"passbook/shared/bucket"
	"passbook/shared/segment"
)

// Part assigns an account to one of several parts, the same in every run. Jobs that cannot keep all
// accounts in memory do one part after the other.
func Part(tenant, account string, parts int) int {
	if parts <= 1 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(tenant))
	h.Write([]byte{'#'})
	h.Write([]byte(account))
	sum := h.Sum64()
	// the low bits of FNV alone are poorly mixed
	return int((sum ^ sum>>32) % uint64(parts))
}

// readBatch is how many records are handed over at once.
const readBatch = 1024

// Read walks the records of the accounts that keep selects, several segments at once and in no
// promised order between them. take is called concurrently; it may keep the records, but not the
// slice. damaged decides about damage: with nil, Read skips the entry if the error is a
// *segment.EntryError, else the rest of the segment. It is called concurrently too. read, which may
// be nil, gets the number of rows of each segment that is done.
func (p Plan) Read(ctx context.Context, b bucket.Bucket, depth segment.Depth, keep func(tenant, account string) bool,
	take func(*Planned, []segment.Record) error, damaged func(*Planned, error) error, read func(rows int64)) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), len(p.Segments)) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(p.Segments) {
					return nil
				}
				err := p.Segments[i].read(ctx, b, depth, keep, take, damaged)
				if err != nil && ctx.Err() == nil {
					err = damaged(&p.Segments[i], err)
				}
				if err != nil {
					return err
				}
				if read != nil {
					read(p.Segments[i].Footer.Rows)
				}
			}
		})
	}
	return group.Wait()
}

func (s *Planned) read(ctx context.Context, b bucket.Bucket, depth segment.Depth, keep func(tenant, account string) bool,
	take func(*Planned, []segment.Record) error, damaged func(*Planned, error) error) error {
	opened, err := segment.Open(ctx, b, s.Key)
	if err != nil {
		return err
	}
	batch := make([]segment.Record, 0, readBatch)
	for rec, err := range opened.RecordsOf(depth, keep) {
		var entry *segment.EntryError
		if errors.As(err, &entry) {
			err = damaged(s, err)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		batch = append(batch, rec)
		if len(batch) < readBatch {
			continue
		}
		err = take(s, batch)
		if err != nil {
			return err
		}
		batch = batch[:0]
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return take(s, batch)
}
