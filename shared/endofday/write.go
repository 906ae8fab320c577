package endofday

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
)

// left returns an error for an entry that still waits for one that it follows.
func (b *book) left() error {
	for of, a := range b.accounts {
		for first := range a.waiting {
			return fmt.Errorf("%w: %s v%d is not in the archive's log, and v%d of the day is", ErrBroken, of, a.version+1, first)
		}
	}
	return nil
}

// part returns the accounts of one part of several, in order.
func (b *book) part(part, parts int) (names []event.Account) {
	for of := range b.accounts {
		if archive.Part(of.Tenant, of.ID, parts) == part {
			names = append(names, of)
		}
	}
	slices.SortFunc(names, func(x, y event.Account) int {
		return cmp.Or(cmp.Compare(x.Tenant, y.Tenant), cmp.Compare(x.ID, y.ID))
	})
	return names
}

// written is a part of the accounts in the bucket.
type written struct {
	balances, late Part
	heads          [sha256.Size]byte
}

// writePart writes the balances and late entries of a part of the accounts, and closes them.
func (b *book) writePart(ctx context.Context, to bucket.Bucket, part, parts int) (w written, err error) {
	var balances, late bytes.Buffer
	heads := sha256.New()
	names := b.part(part, parts)
	for _, of := range names {
		a := b.accounts[of]
		line := Balance{
			Tenant: of.Tenant, Account: of.ID, Currency: a.currency, Version: a.version, Hash: a.hash.String(),
			Posted: a.after.Posted, Held: a.after.Held, Limit: a.after.Limit, Debits: a.debits, Credits: a.credits,
		}
		appendLine(&balances, line)
		fmt.Fprintf(heads, "%s %d %s\n", of, a.version, a.hash)
		for _, l := range a.late {
			appendLine(&late, l)
			w.late.Lines++
		}
		b.close(line)
	}
	copy(w.heads[:], heads.Sum(nil))
	w.balances, err = putPart(ctx, to, int64(len(names)), balances.Bytes())
	if err == nil {
		w.late, err = putPart(ctx, to, w.late.Lines, late.Bytes())
	}
	return w, err
}

// close adds what an account or an other side has at the end to the trial balance.
func (b *book) close(l Balance) {
	t := b.of(l.Currency)
	if l.Account != "" {
		b.add(&t.Closing, l.Posted)
	}
	if l.Posted < 0 {
		b.add(&t.DebitBalances, -l.Posted)
	} else {
		b.add(&t.CreditBalances, l.Posted)
	}
}

// contras closes the other sides and returns their lines.
func (b *book) contras() (lines []Balance) {
	sorted := slices.SortedFunc(maps.Keys(b.others), func(x, y other) int {
		return cmp.Or(cmp.Compare(x.tenant, y.tenant), cmp.Compare(x.contra, y.contra), cmp.Compare(x.kind, y.kind), cmp.Compare(x.currency, y.currency))
	})
	for _, of := range sorted {
		m := b.others[of]
		line := Balance{Tenant: of.tenant, Contra: of.contra, Kind: of.kind, Currency: of.currency, Posted: m.posted, Debits: m.debits, Credits: m.credits}
		b.close(line)
		lines = append(lines, line)
	}
	return lines
}

// sortedTotals returns the totals in order.
func (b *book) sortedTotals() []Total {
	lines := []Total{}
	for _, t := range b.totals {
		lines = append(lines, *t)
	}
	slices.SortFunc(lines, func(x, y Total) int {
		return cmp.Or(cmp.Compare(x.Date, y.Date), cmp.Compare(x.Currency, y.Currency), cmp.Compare(x.Type, y.Type), cmp.Compare(x.Kind, y.Kind))
	})
	return lines
}

// checked returns the trial balances, if they agree in themselves and with those of the day before.
func (b *book) checked(before []Trial) ([]Trial, error) {
	lines := []Trial{}
	for _, currency := range slices.Sorted(maps.Keys(b.trial)) {
		t := *b.trial[currency]
		var closed int64
		if i := slices.IndexFunc(before, func(o Trial) bool { return o.Currency == currency }); i >= 0 {
			closed = before[i].Closing
		}
		switch {
		case b.exceeded:
			return nil, fmt.Errorf("%w: a sum is greater than 2^63−1", ErrBroken)
		case !b.first && t.Opening != closed:
			return nil, fmt.Errorf("%w: the accounts open with %d %s, and the day before closed with %d", ErrBroken, t.Opening, currency, closed)
		case t.Opening+t.Movement+t.Late != t.Closing:
			return nil, fmt.Errorf("%w: %s: opening %d, movement %d and late entries %d do not make the closing %d", ErrBroken, currency, t.Opening, t.Movement, t.Late, t.Closing)
		case t.Debits != t.Credits || t.DebitBalances != t.CreditBalances:
			return nil, fmt.Errorf("%w: the trial balance in %s does not balance: %d and %d moved, %d and %d left", ErrBroken, currency, t.Debits, t.Credits, t.DebitBalances, t.CreditBalances)
		}
		lines = append(lines, t)
	}
	return lines, nil
}

// putLines writes lines as parts of at most linesMost.
func putLines[T any](ctx context.Context, to bucket.Bucket, lines []T) (parts []Part, err error) {
	parts = []Part{}
	for chunk := range slices.Chunk(lines, linesMost) {
		var text bytes.Buffer
		for _, l := range chunk {
			appendLine(&text, l)
		}
		p, err := putPart(ctx, to, int64(len(chunk)), text.Bytes())
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}
