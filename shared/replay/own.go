package replay

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"passbook/shared/event"
	"passbook/shared/origin"
)

// own returns an account's entries that are the bank's. It reports the others, unless the account
// is read again from the whole archive.
func (w *accountReader) own(ctx context.Context, a event.Account, all []archivedEntry) ([]archivedEntry, error) {
	d, err := divide(ctx, w.origin, a, all)
	if err != nil || len(d.unproven) > 0 && w.readAgain(a) {
		return nil, err
	}
	w.damage.leaveOut(a, d)
	return d.own, nil
}

// divided are the entries that the archive has of an account, by whose they are.
type divided struct {
	own []archivedEntry
	// unproven are entries that may be the bank's, and foreign those that are not.
	unproven, foreign []doubtedEntry
}

// doubtedEntry is an entry that is left out, and why.
type doubtedEntry struct {
	archivedEntry
	why error
}

// divide divides an account's entries, repeats included.
func divide(ctx context.Context, p *origin.Proof, a event.Account, all []archivedEntry) (d divided, err error) {
	var chained []archivedEntry
	var unsigned, signed []origin.Link
	for _, e := range all {
		if p.NeedsChain(e.Entry) {
			chained, unsigned = append(chained, e), append(unsigned, origin.LinkOf(e.Entry))
			continue
		}
		err = d.add(e, p.Verify(ctx, e.Entry))
		if err != nil {
			return d, err
		}
	}
	if len(chained) == 0 {
		return d, nil
	}
	for _, e := range d.own {
		signed = append(signed, origin.LinkOf(e.Entry))
	}
	verdicts, err := p.VerifyChain(ctx, a, unsigned, signed)
	if err != nil {
		return d, err
	}
	for i, e := range chained {
		err = d.add(e, verdicts[i])
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

// add adds an entry by what was found out about it. It returns a failure to find out.
func (d *divided) add(e archivedEntry, err error) error {
	switch {
	case err == nil:
		d.own = append(d.own, e)
	case errors.Is(err, event.ErrForeign):
		d.foreign = append(d.foreign, doubtedEntry{e, err})
	case errors.Is(err, origin.ErrUnproven):
		d.unproven = append(d.unproven, doubtedEntry{e, err})
	default:
		return err
	}
	return nil
}

// leaveOut reports the entries of an account that are left out: each foreign one, and the first of
// those that are unproven. Where one of them ends after the account's own, it may be in the place
// of an own one, and the account's end is not known.
func (d *damage) leaveOut(a event.Account, of divided) {
	of.reportForeign(&d.entries, a)
	if len(of.unproven) > 0 {
		first := slices.MinFunc(of.unproven, func(a, b doubtedEntry) int { return cmp.Compare(a.First, b.First) })
		d.entries.add(a, first.First, "left out: %d entries from here on: %v", len(of.unproven), first.why)
	}
	for _, e := range of.unproven {
		d.endsAfter(a, e.Last)
	}
}

// reportForeign reports each foreign entry.
func (d *divided) reportForeign(to *faultList, a event.Account) {
	for _, e := range d.foreign {
		to.add(a, e.First, "left out: %v: in %s", e.why, e.in.Key)
	}
}
