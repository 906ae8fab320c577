package audit_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/journal"
	"passbook/shared/table"
)

// spoil changes an entry's row in the journal, which no program does.
func (b *bank) spoil(t *testing.T, e *event.Entry, change func(*table.Row)) {
	t.Helper()
	key := table.Key{PK: "main#" + e.AccountID, SK: fmt.Sprintf("E#%012d", e.First)}
	row, err := b.table.Get(t.Context(), journal.Table, key, true)
	if err != nil {
		t.Fatal(err)
	}
	hash := row.Attrs["hash"]
	change(&row)
	condition := table.Equals("hash", hash)
	if row.Key != key {
		condition = table.Absent()
	}
	if err := b.table.Put(t.Context(), table.Put{Table: journal.Table, Row: row, If: condition}); err != nil {
		t.Fatal(err)
	}
}

func TestRun_FindsDamagedRowsOfTheJournal(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*table.Row)
		want   string
	}{
		"flipped balance": {func(row *table.Row) {
			events := []byte(row.Attrs["events"].(table.S))
			for i := len(events) - 1; i >= 0; i-- {
				if events[i] >= '1' && events[i] <= '8' {
					events[i]++
					break
				}
			}
			row.Attrs["events"] = table.S(events)
		}, "journal row"},
		"lost attribute": {func(row *table.Row) { delete(row.Attrs, "prev") }, `attribute "prev"`},
		"moved":          {func(row *table.Row) { row.SK = "E#000000000777" }, "has the entry of another key"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t)
			b.config.Models = nil
			b.fill(t, b.entries, nil, b.archived)
			b.spoil(t, b.entries[b.of("A-3", 5)], c.change)
			report := mustFind(t, b, c.want, 1)
			if f := report.Findings[0]; f.Where != "journal" || f.Account != "main#A-3" {
				t.Fatalf("%s", f)
			}
		})
	}
}

// TestRun_ComputesItsOwnSums commits a history with a wrong balance and correct hashes and chain:
// only arithmetic can find it.
func TestRun_ComputesItsOwnSums(t *testing.T) {
	b := newBank(t)
	forged := *b.entries[len(b.entries)-1]
	forged.Events = append([]event.Event(nil), forged.Events...)
	forged.Events[len(forged.Events)-1].After.Posted += 1000
	if _, err := event.Seal(&forged, eventtest.Keys); err != nil {
		t.Fatal(err)
	}
	b.entries[len(b.entries)-1] = &forged
	b.archived[len(b.entries)-1].Entry = &forged
	b.config.Models = nil
	b.fill(t, b.entries, nil, b.archived)
	mustFind(t, b, fmt.Sprintf("journal: main#%s v%d: the event's balance is not the sum", forged.AccountID, forged.Last), 1)
}

// unguarded is a table that lacks one guard.
type unguarded struct {
	table.Table
	mu    sync.Mutex
	fired string
}

func (u *unguarded) Get(ctx context.Context, name string, key table.Key, consistent bool) (table.Row, error) {
	u.mu.Lock()
	lost := u.fired == key.PK+key.SK
	u.mu.Unlock()
	if lost {
		return table.Row{}, table.ErrNotFound
	}
	return u.Table.Get(ctx, name, key, consistent)
}

func (u *unguarded) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := u.Table.Query(ctx, q)
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, row := range page.Rows {
		if strings.HasPrefix(row.SK, "R#") && u.fired == "" {
			u.fired = row.PK + row.SK
			page.Rows = append(page.Rows[:i:i], page.Rows[i+1:]...)
			break
		}
	}
	return page, err
}

func TestRun_FindsALostGuard(t *testing.T) {
	b := newBank(t)
	b.fill(t, b.entries, b.entries, b.archived)
	lacking := &unguarded{Table: b.table}
	b.config.Table = lacking
	mustFind(t, b, "the reversal has no guard", 1)
}

func TestRun_FindsWrongGuardsAndPages(t *testing.T) {
	account := archivetest.New(rand.New(rand.NewPCG(5, 5)), "main", "A-0")
	account.Grow(900)
	entries := account.Entries
	page := func(first int64, keys []byte, at string) table.Row {
		return table.Row{
			Key:   table.Key{PK: "main#A-0", SK: fmt.Sprintf("K#%012d", first)},
			Attrs: table.Map{"keys": table.B(keys), "at": table.S(at)},
		}
	}
	var keys []byte
	var at string
	for _, e := range entries {
		if e.First > 1000 {
			break
		}
		at = e.RecordedAt.Format("2006-01-02T15:04:05.000000Z")
		for _, c := range e.Commands {
			sum := sha256.Sum256([]byte(c.Key))
			keys = binary.BigEndian.AppendUint32(append(keys, sum[:12]...), uint32(c.First))
		}
	}
	if account.Version() < 1100 {
		t.Fatalf("only %d versions", account.Version())
	}
	b := newBank(t)
	b.config.Models = nil
	b.fill(t, entries, nil, archivetest.Records(entries))
	for name, c := range map[string]struct {
		row  table.Row
		want string
	}{
		"page":            {page(1, keys, at), ""},
		"page lacks keys": {page(1, keys[16:], at), "v1: the page of keys"},
		"page of a time":  {page(1, keys, entries[0].RecordedAt.Format("2006-01-02T15:04:05.000000Z")), "v1: the page of keys"},
		"page too early":  {page(1001, nil, at), "v1001: the page of keys"},
		"stray guard":     {table.Row{Key: table.Key{PK: "main#A-0", SK: "R#000000009999"}, Attrs: table.Map{}}, "v9999: the guard has no reversal"},
	} {
		t.Run(name, func(t *testing.T) {
			with := *b
			with.config.Table = &added{Table: b.table, row: c.row}
			if c.want == "" {
				expect(t, &with, 0, nil)
				return
			}
			mustFind(t, &with, "journal: main#A-0 "+c.want, 1)
		})
	}
}

// added is a table with one more row.
type added struct {
	table.Table
	row table.Row
}

func (a *added) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := a.Table.Query(ctx, q)
	if from, _ := q.From.(table.S); q.PK == a.row.PK && string(from) == a.row.SK[:2] {
		page.Rows = append(page.Rows, a.row)
	}
	return page, err
}

// The newest entry of an account is missing from the journal: the archive shows it, and without it
// the row does.
func TestRun_FindsThatTheNewestEntryIsMissing(t *testing.T) {
	for name, archived := range map[string]bool{"archived": true, "not archived": false} {
		t.Run(name, func(t *testing.T) {
			b := newBank(t)
			last := 0
			for i, e := range b.entries {
				if e.AccountID == "A-3" {
					last = i
				}
			}
			records, want := b.archived, "journal: main#A-3 v%d: missing up to"
			if !archived {
				records, want = without(b.archived, last), ""
			}
			b.fill(t, b.entries, b.entries, records)
			gone := b.entries[last]
			key := table.Key{PK: "main#A-3", SK: fmt.Sprintf("E#%012d", gone.First)}
			row, err := b.table.Get(t.Context(), journal.Table, key, true)
			if err == nil {
				err = b.table.Delete(t.Context(), journal.Table, key, table.Equals("last", row.Attrs["last"]))
			}
			if err != nil {
				t.Fatal(err)
			}
			if want != "" {
				mustFind(t, b, fmt.Sprintf(want, gone.First), 2)
			}
			mustFind(t, b, fmt.Sprintf("standing: main#A-3 v%d: the row is ahead of the journal", gone.Last), 0)
		})
	}
}
