package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/shared/account"
	"passbook/shared/audit"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/journal/restorer"
	"passbook/shared/table"
)

// hooked is a table that calls hook once, before the first query of an account's rows with a
// prefix.
type hooked struct {
	table.Table
	pk, prefix string
	hook       func()
	once       sync.Once
}

func (h *hooked) Query(ctx context.Context, q table.Query) (table.Page, error) {
	if from, _ := q.From.(table.S); q.PK == h.pk && strings.HasPrefix(string(from), h.prefix) {
		h.once.Do(h.hook)
	}
	return h.Table.Query(ctx, q)
}

func TestRun_AllowsAReversalDuringTheAudit(t *testing.T) {
	b := newBank(t)
	at := -1
	for i, e := range b.entries {
		for _, ev := range e.Events {
			if _, ok := ev.Body.(event.TransactionReversed); ok && at < 0 {
				at = i
			}
		}
	}
	e := b.entries[at]
	var kept []*event.Entry
	var s account.State
	for _, o := range b.entries {
		if o.AccountID == e.AccountID {
			if o.First >= e.First {
				if o == e {
					for _, ev := range o.Events {
						s, _ = account.Fold(s, ev)
					}
				}
				continue
			}
			for _, ev := range o.Events {
				s, _ = account.Fold(s, ev)
			}
		}
		kept = append(kept, o)
	}
	b.fill(t, kept, kept, nil)
	b.config.Grace = 100 * 365 * 24 * time.Hour
	h := &hooked{Table: b.table, pk: "main#" + e.AccountID, prefix: "R#"}
	fired := false
	h.hook = func() {
		fired = true
		if err := restorer.New(b.table).Restore(t.Context(), e, s); err != nil {
			t.Error(err)
		}
	}
	b.config.Table = h
	report, err := audit.Run(t.Context(), b.config)
	if err != nil || !fired {
		t.Errorf("%v: %v", err, report.Findings)
	}
}

func TestRun_ChecksTheStateOfARow(t *testing.T) {
	b := newBank(t)
	b.fill(t, b.entries, b.entries, b.archived)
	b.row(t, "A-3", func(attrs table.Map) {
		s, err := account.ParseState([]byte(attrs["state"].(table.S)))
		if err != nil {
			t.Fatal(err)
		}
		s.Posted += 1_000_000
		attrs["state"] = table.S(account.AppendState(nil, s))
	})
	if _, err := audit.Run(t.Context(), b.config); err == nil {
		t.Error("the state that readers are given is wrong, and the audit is clean")
	}
}

func TestRun_ChecksTheStateOfAnEntry(t *testing.T) {
	b := newBank(t)
	b.fill(t, b.entries, b.entries, b.archived)
	var last *event.Entry
	for _, e := range b.entries {
		row, err := b.table.Get(t.Context(), journal.Table, table.Key{PK: "main#" + e.AccountID, SK: fmt.Sprintf("E#%012d", e.First)}, true)
		if err == nil && row.Attrs["state"] != nil {
			last = e
		}
	}
	found := false
	b.spoil(t, last, func(row *table.Row) {
		text, ok := row.Attrs["state"].(table.S)
		if !ok {
			return
		}
		found = true
		s, _ := account.ParseState([]byte(text))
		s.Posted += 1_000_000
		row.Attrs["state"] = table.S(account.AppendState(nil, s))
	})
	if _, err := audit.Run(t.Context(), b.config); err == nil {
		h, _ := journal.NewReader(b.table).Head(t.Context(), event.Account{Tenant: "main", ID: last.AccountID})
		t.Errorf("state found %v; the head that commands are decided on has posted %d, the history %d, and the audit is clean", found, h.State.Posted, last.Events[len(last.Events)-1].After.Posted)
	}
}
