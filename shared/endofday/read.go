package endofday

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"passbook/shared/archive"
	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// listDates returns the dates that have a manifest, sorted.
func listDates(ctx context.Context, b bucket.Bucket) (dates []string, err error) {
	for after := ""; ; {
		page, err := b.List(ctx, manifestsRoot, after)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", manifestsRoot, err)
		}
		for _, o := range page.Objects {
			if date, named := parseKey(o.Key); named {
				dates = append(dates, date)
			}
		}
		if after = page.After; after == "" {
			return dates, nil
		}
	}
}

// findSegments finds the segments that have entries which no manifest counts: the leaves since the
// one before, and those that had entries of later days then.
func (s *sealer) findSegments(ctx context.Context) error {
	for _, part := range s.before.Segments {
		lines, err := ReadPart[Segment](ctx, s.Bucket, part)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if l.Later > 0 {
				l.Counted, l.Later = 0, 0
				s.segments = append(s.segments, l)
			}
		}
	}
	s.sources = map[string]string{}
	for _, part := range s.before.Sources {
		lines, err := ReadPart[Source](ctx, s.Bucket, part)
		if err != nil {
			return err
		}
		for _, l := range lines {
			s.sources[l.Source] = l.Last
		}
	}
	var links []link
	for leaf, err := range s.log.From(ctx, s.Bucket, s.before.Log.Size) {
		if err != nil {
			return err
		}
		s.segments = append(s.segments, segmentOf(leaf))
		l, err := s.link(ctx, leaf)
		if err != nil {
			return err
		}
		links = append(links, l)
	}
	return s.follow(ctx, links)
}

func segmentOf(l archivelog.Numbered) Segment {
	return Segment{Leaf: l.Number, Key: l.Key, Sum: l.Sum, Rows: l.Rows, Entries: l.Entries}
}

// link is what the chain of a source needs of a segment: its last sequence number, and that of the
// segment before it.
type link struct{ source, previous, last, key string }

func (s *sealer) link(ctx context.Context, leaf archivelog.Numbered) (link, error) {
	name, err := segment.ParseKey(leaf.Key)
	if err != nil {
		return link{}, fmt.Errorf("%w: leaf %d of the archive's log: %w", ErrBroken, leaf.Number, err)
	}
	footer, err := segment.ReadFooter(ctx, s.Bucket, leaf.Key)
	if err != nil {
		return link{}, unusable(err)
	}
	return link{name.Source.String(), footer.Previous.Last, footer.Last, leaf.Key}, nil
}

// unusable returns the error of a segment that cannot be read with what to do about it.
func unusable(err error) error {
	if segment.Unusable(err) {
		return fmt.Errorf("%w: %w: audit coverage says what is missing, and audit --repair puts it into other segments", ErrBroken, err)
	}
	return err
}

// follow checks that the segments of each source follow one another, up to where the archive goes.
func (s *sealer) follow(ctx context.Context, links []link) error {
	slices.SortStableFunc(links, func(a, b link) int { return stream.CompareSequence(a.last, b.last) })
	missing := ""
	for _, l := range links {
		is := s.sources[l.source]
		if stream.CompareSequence(l.previous, is) > 0 && missing == "" {
			missing = fmt.Sprintf("the log has nothing of %s after %q up to %s, which %s follows", l.source, is, l.previous, l.key)
		}
		if stream.CompareSequence(l.last, is) > 0 {
			s.sources[l.source] = l.last
		}
	}
	for _, bound := range s.bounds {
		if is := s.sources[bound.Source.String()]; stream.CompareSequence(bound.Last, is) > 0 {
			return fmt.Errorf("%w: the archive goes up to %s of %s, and its signed log to %q; the archiver adds segments to it every ten minutes", ErrNotYet, bound.Last, bound.Source, is)
		}
	}
	if missing == "" || s.Gaps == nil {
		return s.gap(missing, nil)
	}
	gaps, err := s.Gaps(ctx)
	if err != nil {
		return err
	}
	if len(gaps) == 0 { // what is missing was retired: others have its entries
		return nil
	}
	return s.gap(missing, gaps)
}

// gap returns an error if something is missing.
func (*sealer) gap(missing string, gaps []archive.Gap) error {
	if missing == "" {
		return nil
	}
	if len(gaps) > 0 {
		missing = gaps[0].String()
	}
	return fmt.Errorf("%w: %s: audit coverage says what is missing, and audit --repair puts it into other segments", ErrBroken, missing)
}

// sourceLines returns how far each source is in the log.
func (s *sealer) sourceLines() (lines []Source) {
	for _, source := range slices.Sorted(maps.Keys(s.sources)) {
		lines = append(lines, Source{source, s.sources[source]})
	}
	return lines
}

// begin tells how much is read.
func (s *sealer) begin(passes int) {
	var entries int64
	for _, l := range s.segments {
		entries += l.Entries
	}
	s.Progress.Begin("seal "+s.Date, "entries", entries*int64(passes))
}

// openContras enters what the other sides had at the end of the day before.
func (s *sealer) openContras(ctx context.Context, b *book) error {
	for _, part := range s.before.Contras {
		lines, err := ReadPart[Balance](ctx, s.Bucket, part)
		if err != nil {
			return err
		}
		for _, l := range lines {
			b.others[other{l.Tenant, l.Contra, l.Kind, l.Currency}] = &moved{posted: l.Posted}
		}
	}
	return nil
}

// fill enters the accounts of a pass: what they had the day before, and the entries since.
func (s *sealer) fill(ctx context.Context, b *book, pass, passes int) error {
	b.accounts, b.size = map[event.Account]*account{}, 0
	keep := func(tenant, account string) bool { return archive.Part(tenant, account, passes) == pass }
	for number, part := range s.before.Balances {
		if both := min(passes, len(s.before.Balances)); number%both != pass%both { // both are powers of two
			continue
		}
		lines, err := ReadPart[Balance](ctx, s.Bucket, part)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if !keep(l.Tenant, l.Account) {
				continue
			}
			if err := b.open(l); err != nil {
				return err
			}
		}
	}
	for i := range s.segments {
		if err := s.enter(ctx, b, i, keep); err != nil {
			return err
		}
		s.Progress.Add(s.segments[i].Entries)
	}
	return b.left()
}

// enter enters the entries of a segment.
func (s *sealer) enter(ctx context.Context, b *book, i int, keep func(tenant, account string) bool) error {
	is := s.segments[i]
	data, err := segment.ReadObject(ctx, s.Bucket, is.Key)
	if err != nil {
		return unusable(err)
	}
	if sum := sumOf(data); sum != is.Sum {
		return fmt.Errorf("%w: %s is not what was signed: its SHA-256 is %s, in the log %s", ErrBroken, is.Key, sum, is.Sum)
	}
	opened, err := segment.Parse(is.Key, data)
	if err != nil {
		return unusable(err)
	}
	for rec, err := range opened.RecordsOf(segment.Exact, keep) {
		if err != nil {
			return unusable(err)
		}
		if err := b.take(rec.Entry, i); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
