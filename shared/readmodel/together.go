package readmodel

import (
	"context"
	"errors"

	"passbook/shared/table"
)

// A store that commits many puts at about the cost of one gets the rows of a batch of records in
// calls of as many as it takes. Only accounts whose entries all follow their row are saved so. All
// others, and those whose put did not succeed, are projected alone, as on any other store.
//
// The further rows are in the same calls. One of them may fail, or be lost in a crash, although the
// account's row is stored. Therefore a batch is done only when all of its rows are stored, and an
// entry that is delivered again has its further rows put again.

// togetherWrites is the rows of accounts that are written together.
type togetherWrites[S any] struct {
	accounts []togetherAccount[S]
	puts     []table.Put
}

// togetherAccount is an account of togetherWrites, whose puts end at an index: first those of its
// entries, then that of its state if it has one, and that of its row.
type togetherAccount[S any] struct {
	work *accountWork
	rowWrite[S]
	end int
}

// reset empties the writes and keeps their memory.
func (w *togetherWrites[S]) reset() {
	clear(w.accounts)
	clear(w.puts)
	w.accounts, w.puts = w.accounts[:0], w.puts[:0]
}

// add adds the rows of an account.
func (w *togetherWrites[S]) add(work *accountWork, write rowWrite[S], further string) {
	w.puts = write.appendPuts(w.puts, further)
	w.accounts = append(w.accounts, togetherAccount[S]{work: work, rowWrite: write, end: len(w.puts)})
}

// projectTogether projects the accounts of a batch of which all entries follow their rows, and
// leaves the others to be projected alone.
func (h *shardProjection[S]) projectTogether(ctx context.Context) {
	p, w := h.p, &h.together
	defer w.reset()
	most := min(p.rows.table.Together(), table.MaxEach)
	for i := range h.work {
		work := &h.work[i]
		row, ok := p.foldFollowing(ctx, work)
		switch {
		case !ok:
			h.alone = append(h.alone, work)
			continue
		case row.unsaved == 0: // in quarantine
			continue
		}
		write := p.prepare(row)
		if len(w.puts)+write.puts() > most {
			h.writeTogether(ctx)
		}
		w.add(work, write, p.furtherTable)
	}
	h.writeTogether(ctx)
}

// foldFollowing folds the entries of an account into its row in memory, and reports whether all of
// them follow it, and nothing is to be done but to write it.
func (p *Projection[S]) foldFollowing(ctx context.Context, work *accountWork) (row Row[S], ok bool) {
	row, err := p.row(ctx, work.account)
	if err != nil {
		return row, false
	}
	if row.QuarantinedAt != 0 {
		p.count.skipped.Add(float64(len(work.items)))
		return row, true
	}
	for _, it := range work.items {
		if it.entry.First != row.Version+1 || it.entry.Prev != row.Hash {
			return row, false
		}
		if row, err = p.fold(row, it.entry); err != nil || len(row.Pending) > 0 || row.isLarge() {
			return row, false
		}
		row.Source = it.source
	}
	p.count.applied.Add(float64(len(work.items)))
	return row, true
}

// writeTogether writes the rows that were added. It leaves the accounts of which some were not
// written to be projected alone.
func (h *shardProjection[S]) writeTogether(ctx context.Context) {
	p, w := h.p, &h.together
	if len(w.puts) == 0 {
		return
	}
	outcomes := p.rows.table.PutEach(ctx, w.puts)
	begin := 0
	for i := range w.accounts {
		a := &w.accounts[i]
		own := outcomes[begin:a.end]
		begin = a.end
		if _, err := p.written(a.rowWrite, own[len(own)-1]); err != nil {
			p.cache.Forget(a.work.account)
			h.alone = append(h.alone, a.work)
			continue
		}
		if errors.Join(own...) != nil {
			h.alone = append(h.alone, a.work) // which puts them again
		}
	}
	w.reset()
}
