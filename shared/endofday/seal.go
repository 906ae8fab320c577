package endofday

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/archive"
	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/progress"
)

// DefaultAccounts is how many accounts a book has at once, with about 300 bytes each.
const DefaultAccounts = 1_000_000

// partsOfPass is into how many parts the accounts of one pass are divided, where there are several.
const partsOfPass = 16

// Settle is how long after its end a day may be sealed: the clock of a writer may be a little
// behind, and what it decided last has to be committed.
const Settle = time.Minute

// The errors that callers distinguish, beside ErrBroken.
var (
	// ErrNotYet means that the day cannot be sealed yet, and why.
	ErrNotYet = errors.New("the day cannot be sealed yet")
	// ErrOrder means that the day does not follow those that are sealed.
	ErrOrder = errors.New("the day does not follow those that are sealed")
)

// Config configures Seal. All but First, Archived, Gaps, Accounts, Now and Progress are required.
type Config struct {
	Bucket bucket.Bucket
	// Signer signs the manifest, and Keys check what was signed before.
	Signer note.Signer
	Keys   []note.Verifier
	Bank   string
	// Date is the day's. Zone and Cutoff may be empty for those of the day before.
	Date, Zone, Cutoff string
	// First says that no day was sealed before.
	First bool
	// Archived returns how far the archive goes when it has everything that was recorded before a
	// time, or ErrNotYet if it does not; nil says nothing of it. The log must go as far.
	Archived func(ctx context.Context, before time.Time) ([]archive.Bound, error)
	// Gaps returns what the archive lacks; it is asked where the segments of a source do not follow
	// one another, as after a loss that others make good.
	Gaps func(ctx context.Context) ([]archive.Gap, error)
	// Accounts bounds the accounts that are kept at once; 0 means DefaultAccounts. With more the
	// segments are read once for each part of them.
	Accounts int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Progress counts the entries that are read; nil is told nothing.
	Progress *progress.Tracker
}

// Sealed is the result of Seal.
type Sealed struct {
	Manifest
	Key string `json:"key"`
	// Before says that the day was sealed before, and nothing was done.
	Before bool `json:"sealed_before,omitempty"`
	// Signed is the manifest with its signature.
	Signed string `json:"signed"`
}

// sealer seals one day.
type sealer struct {
	Config
	calendar Calendar
	// before is the manifest of the day before; its zero value if there is none.
	before   Manifest
	from, to time.Time
	log      archivelog.Checkpoint
	bounds   []archive.Bound
	segments []Segment
	sources  map[string]string
}

// Seal seals a day, or returns its manifest if it is sealed.
func Seal(ctx context.Context, c Config) (Sealed, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Accounts <= 0 {
		c.Accounts = DefaultAccounts
	}
	s := sealer{Config: c}
	sealed, err := s.find(ctx)
	if err != nil || sealed.Before {
		return sealed, err
	}
	if err := s.findLog(ctx); err != nil {
		return Sealed{}, err
	}
	if err := s.findSegments(ctx); err != nil {
		return Sealed{}, err
	}
	m, err := s.write(ctx)
	if err != nil {
		return Sealed{}, err
	}
	signed, err := m.sign(s.Signer)
	if err != nil {
		return Sealed{}, err
	}
	if err := create(ctx, s.Bucket, Key(m.Date), signed); err != nil {
		return Sealed{}, err
	}
	return Sealed{Manifest: m, Key: Key(m.Date), Signed: string(signed)}, nil
}

// find finds the day's manifest, or else that of the day before.
func (s *sealer) find(ctx context.Context) (sealed Sealed, err error) {
	dates, err := listDates(ctx, s.Bucket)
	if err != nil {
		return sealed, err
	}
	var has, last Stored
	for _, date := range dates {
		if date == s.Date {
			has, err = s.read(ctx, date)
		}
	}
	if err == nil && has.Key == "" && len(dates) > 0 {
		last, err = s.read(ctx, dates[len(dates)-1])
	}
	if err != nil {
		return sealed, err
	}
	before := last.Manifest
	if has.Key != "" {
		before = has.Manifest
	}
	if s.Zone == "" {
		s.Zone = before.Zone
	}
	if s.Cutoff == "" {
		s.Cutoff = before.Cutoff
	}
	if before.Bank != "" && (s.Zone != before.Zone || s.Cutoff != before.Cutoff) {
		return sealed, fmt.Errorf("%w: days are sealed at %s in %s, and another cutoff or zone would leave a hole or count twice", ErrOrder, before.Cutoff, before.Zone)
	}
	if has.Key != "" {
		return Sealed{Manifest: has.Manifest, Key: has.Key, Before: true, Signed: string(has.Text)}, nil
	}
	s.before = before
	return sealed, s.checkDay()
}

// read returns the manifest of a date, which MUST be the bank's.
func (s *sealer) read(ctx context.Context, date string) (Stored, error) {
	has, err := Read(ctx, s.Bucket, Key(date), s.Keys)
	if err == nil && has.Err == nil && has.Bank != s.Bank {
		has.Err = fmt.Errorf("it is of bank %s", has.Bank)
	}
	if err == nil && has.Err != nil {
		err = fmt.Errorf("%w: %s is not this bank's: %w: keep a copy of it and remove it", ErrBroken, has.Key, has.Err)
	}
	return has, err
}

// checkDay checks that the day follows the one before, and is over.
func (s *sealer) checkDay() (err error) {
	switch next := dateAfter(s.before.Date, 1); {
	case s.before.Bank == "" && !s.First:
		return fmt.Errorf("%w: no day is sealed yet: say --first, with --zone and --cutoff, to begin with this one", ErrOrder)
	case s.before.Bank != "" && s.First:
		return fmt.Errorf("%w: %s is sealed, so this one cannot be the first", ErrOrder, s.before.Date)
	case s.before.Bank != "" && s.Date < next:
		return fmt.Errorf("%w: the last one is %s, and this one is before it", ErrOrder, s.before.Date)
	case s.before.Bank != "" && s.Date > next:
		return fmt.Errorf("%w: the last one is %s; seal %s first", ErrOrder, s.before.Date, next)
	}
	if s.calendar, err = NewCalendar(s.Zone, s.Cutoff); err != nil {
		return fmt.Errorf("%w: %w", ErrOrder, err)
	}
	s.from, s.to, err = s.calendar.Day(s.Date)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOrder, err)
	}
	if s.before.Bank != "" { // the zone's rules may have changed since
		s.from = s.before.To
	}
	if settled := s.to.Add(Settle); s.Now().Before(settled) {
		return fmt.Errorf("%w: %s ends at %s; seal it from %s on", ErrNotYet, s.Date, s.to.Format(time.RFC3339), settled.Format(time.RFC3339))
	}
	return nil
}

// findLog finds the newest checkpoint when all is archived. It continues that of the manifest
// before.
func (s *sealer) findLog(ctx context.Context) (err error) {
	if s.Archived != nil {
		if s.bounds, err = s.Archived(ctx, s.to); err != nil {
			return err
		}
	}
	s.log, err = archivelog.Newest(ctx, s.Bucket, s.Keys)
	switch {
	case err != nil:
		return err
	case s.log.Size == 0:
		return fmt.Errorf("%w: the archive has no signed log yet", ErrNotYet)
	case s.before.Log.Size == 0:
		return nil
	}
	if err := s.log.Extends(ctx, s.Bucket, s.before.Log.Size, s.before.Log.Root); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return nil
}

// write reads the segments and returns the manifest, of which the parts are in the bucket.
func (s *sealer) write(ctx context.Context) (m Manifest, err error) {
	passes := 1
	for s.before.Accounts > int64(passes)*int64(s.Accounts) {
		passes *= 2
	}
	for ; ; passes *= 2 {
		m, err = s.writeIn(ctx, passes)
		if !errors.Is(err, errMany) || passes > 1<<16 {
			return m, err
		}
	}
}

// writeIn writes all parts, reading the segments in several passes.
func (s *sealer) writeIn(ctx context.Context, passes int) (m Manifest, err error) {
	b := &book{
		calendar: s.calendar, date: s.Date, from: s.from, to: s.to, first: s.First, most: s.Accounts,
		others: map[other]*moved{}, totals: map[totalKey]*Total{}, trial: map[string]*Trial{},
		segments: append([]Segment(nil), s.segments...),
	}
	if err := s.openContras(ctx, b); err != nil {
		return m, err
	}
	s.begin(passes)
	parts := max(1, len(s.before.Balances))
	if passes > 1 {
		parts = max(parts, passes*partsOfPass)
	}
	var all []written
	for pass := range passes {
		if err := s.fill(ctx, b, pass, passes); err != nil {
			return m, err
		}
		for passes == 1 && len(b.accounts) > parts*linesMost {
			parts *= 2
		}
		if all == nil {
			all = make([]written, parts)
		}
		m.Accounts += int64(len(b.accounts))
		for part := pass; part < parts; part += passes {
			if all[part], err = b.writePart(ctx, s.Bucket, part, parts); err != nil {
				return m, err
			}
		}
	}
	return s.finish(ctx, b, m, all)
}

// finish returns the manifest of the books.
func (s *sealer) finish(ctx context.Context, b *book, m Manifest, all []written) (Manifest, error) {
	m.Format, m.Bank, m.Date, m.Zone, m.Cutoff, m.From, m.To = Format, s.Bank, s.Date, s.Zone, s.Cutoff, s.from, s.to
	m.Log = Log{s.log.Size, s.log.Root}
	if !s.First {
		m.Previous = s.before.Sum()
	}
	m.Entries, m.Events, m.Earlier, m.LateEntries, m.LateEvents = b.entries, b.events, b.earlier, b.lateEntries, b.lateEvents
	m.Totals = b.sortedTotals()
	heads := sha256.New()
	for _, w := range all {
		heads.Write(w.heads[:])
		m.Balances, m.Late = append(m.Balances, w.balances), append(m.Late, w.late)
	}
	m.Heads = event.Hash(heads.Sum(nil)).String()
	contras := b.contras()
	var err error
	if m.Trial, err = b.checked(s.before.Trial); err != nil {
		return m, err
	}
	if m.Contras, err = putLines(ctx, s.Bucket, contras); err != nil {
		return m, err
	}
	if m.Segments, err = putLines(ctx, s.Bucket, b.segments); err != nil {
		return m, err
	}
	m.Sources, err = putLines(ctx, s.Bucket, s.sourceLines())
	return m, err
}
