package readmodel

import (
	"context"
	"errors"
	"sync"

	"passbook/shared/table"
)

// A store that commits many puts at about the cost of one gets the rows of a batch of records in
// calls of as many as it takes. Only accounts whose entries all follow their row are saved so. All
// others, and those whose put did not succeed, are projected alone, as on any other store.
//
// The further rows are in the same calls. One of them may fail, or be lost in a crash, although the
// account's row is stored. Therefore a batch is done only when all of its rows are stored, and an
// entry that is delivered again has its further rows put again.

// maxCalls bounds the calls that are made at the same time, and so the rows of a batch in memory.
// They share commits, so a batch waits for one or two of them, however many calls it needs.
const maxCalls = 8

// togetherCall is the rows of accounts that are written by one call.
type togetherCall[S any] struct {
	accounts []togetherAccount[S]
	puts     []table.Put
	outcomes []error
}

// togetherAccount is an account of a call, whose puts end at an index: first those of its entries,
// then that of its state if it has one, and that of its row.
type togetherAccount[S any] struct {
	work *accountWork
	rowWrite[S]
	end int
}

// reset empties the call and keeps its memory.
func (c *togetherCall[S]) reset() {
	clear(c.accounts)
	clear(c.puts)
	c.accounts, c.puts, c.outcomes = c.accounts[:0], c.puts[:0], nil
}

// add adds the rows of an account.
func (c *togetherCall[S]) add(work *accountWork, write *rowWrite[S], further string) {
	c.puts = write.appendPuts(c.puts, further)
	c.accounts = append(c.accounts, togetherAccount[S]{work: work, rowWrite: *write, end: len(c.puts)})
}

// projectTogether projects the accounts of a batch of which all entries follow their rows, and
// leaves the others to be projected alone.
func (h *shardProjection[S]) projectTogether(ctx context.Context) {
	p, n := h.p, 0
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
		if full := len(h.calls[n].puts) > 0 && len(h.calls[n].puts)+write.puts() > most; full {
			if n++; n == maxCalls {
				h.writeTogether(ctx)
				n = 0
			}
		}
		h.calls[n].add(work, &write, p.furtherTable)
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

// writeTogether makes the calls. It leaves the accounts of which some rows were not written to be
// projected alone.
func (h *shardProjection[S]) writeTogether(ctx context.Context) {
	rows := h.p.rows.table
	var others sync.WaitGroup
	for i := 1; i < maxCalls && len(h.calls[i].puts) > 0; i++ {
		others.Add(1)
		h.pool.Go(func() {
			defer others.Done()
			h.calls[i].outcomes = rows.PutEach(ctx, h.calls[i].puts)
		})
	}
	if len(h.calls[0].puts) > 0 {
		h.calls[0].outcomes = rows.PutEach(ctx, h.calls[0].puts)
	}
	others.Wait()
	for i := range h.calls {
		h.finish(&h.calls[i])
		h.calls[i].reset()
	}
}

// finish finishes each account of a call at its own outcomes.
func (h *shardProjection[S]) finish(c *togetherCall[S]) {
	begin := 0
	for i := range c.accounts {
		a := &c.accounts[i]
		own := c.outcomes[begin:a.end]
		begin = a.end
		if _, err := h.p.written(&a.rowWrite, own[len(own)-1]); err != nil {
			h.p.cache.Forget(a.work.account)
			h.alone = append(h.alone, a.work)
			continue
		}
		if errors.Join(own...) != nil {
			h.alone = append(h.alone, a.work) // which puts them again
			continue
		}
		clear(a.put.Row.Attrs) // after another outcome the store may have them
		rowMaps.Put(a.put.Row.Attrs)
	}
}
