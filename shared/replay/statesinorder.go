package replay

import (
	"context"
	"errors"
	"sync"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/replay/past"
	"passbook/shared/replay/sources"
	"passbook/shared/segment"
)

// folder folds the accounts of an archive as their entries come.
type folder struct {
	reader *accountReader
	at     past.At
	// most is about how many accounts and waiting entries are in memory.
	most int64
	// odd are the accounts whose whole history has to be read, about 100 bytes each.
	odd map[event.Account]bool
	// oddEvents are those of them.
	oddEvents int64
}

// run yields the states of the accounts that are not odd. It reads the archive once, or once more
// for each part of the accounts that did not fit in memory beside those before.
func (f *folder) run(ctx context.Context, yield func(event.Account, account.State) error) error {
	for left := []past.Part{past.All}; len(left) > 0; {
		of := left[len(left)-1]
		dropped, err := f.pass(ctx, past.NewPass(f.at, of, f.most), yield)
		if err != nil {
			return err
		}
		left = append(left[:len(left)-1], dropped...)
	}
	return nil
}

// pass reads the archive once. It returns the parts of the accounts that did not fit.
func (f *folder) pass(ctx context.Context, p *past.Pass, yield func(event.Account, account.State) error) ([]past.Part, error) {
	w := f.reader
	w.progress.Begin("fold the archive", "events", w.plan.Events)
	var mu sync.Mutex
	var dropped []past.Part
	divide := func() {
		parts := p.Divide()
		mu.Lock()
		defer mu.Unlock()
		dropped = append(dropped, parts...)
	}
	err := sources.Read(ctx, w.bucket, w.plan, segment.Exact, func() sources.Sink { return &pastSink{reader: w, pass: p, divide: divide} })
	if err != nil {
		return nil, err
	}
	w.damagedPlan = w.damage.addTo(w.plan)
	folded, odd := p.Each()
	for _, a := range odd {
		f.addOdd(a)
	}
	for _, a := range folded {
		proven, err := f.proven(ctx, a)
		if err != nil {
			return nil, err
		}
		if !proven {
			f.addOdd(a)
			continue
		}
		if !a.Passed && f.at.NeedsEnd(a.State) && !w.endProvenAfter(a.Account, a.Last, a.In) {
			continue
		}
		if s := f.at.IfReached(a.State); s.Version > 0 {
			err = yield(a.Account, s)
		}
		if err != nil {
			return nil, err
		}
	}
	return dropped, nil
}

func (f *folder) addOdd(a past.Account) {
	f.odd[a.Account] = true
	f.oddEvents += a.Events()
}

// proven reports whether the entries of an account are the bank's: those without a mac are, if a
// signed one follows them, or if they lead to the head that the account had before macs.
func (f *folder) proven(ctx context.Context, a past.Account) (bool, error) {
	if !a.Unproven {
		return true, nil
	}
	head, ok, err := f.reader.origin.Heads.Of(ctx, a.Account)
	return ok && head.Version == a.Last && head.Hash == a.Hash, err
}

// pastSink has the records of one source folded.
type pastSink struct {
	reader *accountReader
	pass   *past.Pass
	divide func()
	// taken counts the records since divide was called.
	taken int
}

// divideEvery is after how many records of a source the accounts are counted.
const divideEvery = 1024

func (s *pastSink) Keeps(tenant, id string) bool {
	return s.reader.reads(tenant) && s.pass.Keeps(tenant, id)
}

func (s *pastSink) Take(ctx context.Context, in *archive.Planned, rec segment.Record) error {
	s.taken++
	if s.taken%divideEvery == 0 {
		s.divide()
	}
	e, unproven := rec.Entry, s.reader.origin.NeedsChain(rec.Entry)
	if !unproven {
		err := s.reader.origin.Verify(ctx, e)
		if errors.Is(err, event.ErrForeign) {
			s.pass.AddOdd(e.Account(), len(e.Events))
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.pass.Add(e, archive.Position{Source: in.Name.Source, Arrived: rec.Arrived}, unproven)
	return nil
}

func (s *pastSink) EndSegment(in *archive.Planned) { s.reader.progress.Add(in.Footer.Rows) }

func (s *pastSink) EndSource(context.Context) error {
	s.divide()
	return nil
}

// Damaged makes the account of a damaged entry odd, whose history names it.
func (s *pastSink) Damaged(in *archive.Planned, err error) error {
	var entry *segment.EntryError
	if !errors.As(err, &entry) {
		return s.reader.damage.add(in, err)
	}
	if s.reader.reads(entry.Tenant) {
		s.pass.AddOdd(event.Account{Tenant: entry.Tenant, ID: entry.AccountID}, 0)
	}
	return nil
}
