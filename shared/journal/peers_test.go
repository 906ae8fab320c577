package journal

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/table"
	"passbook/shared/writer"
)

// Another writer's entries that it has saved as published are not published again, in a load or
// after a conflict. Its other entries are, in their order, while they are young.
func TestForeignEntriesArePublishedOnce(t *testing.T) {
	for _, loaded := range []bool{false, true} {
		t.Run(fmt.Sprint("loaded ", loaded), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tbl, _ := store(t)
				wall := &clock{at: time.Now()}
				a, theirs := open(t, tbl, wall)
				b, ours := open(t, tbl, wall)
				pass := func(d time.Duration) { time.Sleep(d); wall.add(d) }
				openAccount(t, a, acct, 100) // v1 and v2
				if loaded {
					accepted(t, b, command(acct, "b0", crediting(1)))
				} else {
					accepted(t, a, command(acct, "a0", crediting(1)))
				}
				pass(MaxSkew + time.Second) // those are too old by now
				before := len(ours.firsts(t))
				accepted(t, a, command(acct, "a1", crediting(1)))
				accepted(t, a, command(acct, "a2", crediting(1)))
				// the stream has all but the last
				for _, c := range theirs.got[:len(theirs.got)-1] {
					a.Acked(c.Writer, c.N)
				}
				pass(2500 * time.Millisecond) // a's heartbeat saves that, and b's reads it
				accepted(t, b, command(acct, "b1", crediting(1)))
				if got := ours.firsts(t)[before:]; fmt.Sprint(got) != "[5 6]" {
					t.Errorf("published v%v; v4 is on the stream, v5 is not, v6 is our own", got)
				}
			})
		})
	}
}

// The entries of an account that is ahead do not show their age. A load publishes again what the
// writer has not saved as published, nothing of a writer that is gone, and never more than
// maxForeign.
func TestForeignEntriesOfAnAccountThatIsAhead(t *testing.T) {
	const entries = maxForeign + 200
	for name, tt := range map[string]struct {
		acked func(n int) bool
		gone  bool
		want  int
	}{
		"all but two published": {acked: func(n int) bool { return n < entries-2 }, want: 2},
		"writer gone":           {acked: func(int) bool { return true }, gone: true},
		"none published":        {acked: func(int) bool { return false }, want: maxForeign},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tbl, _ := store(t)
				c := &clock{at: time.Now()}
				a, theirs := open(t, tbl, c)
				c.add(24 * time.Hour)
				openAccount(t, a, acct, 100)
				c.add(-24 * time.Hour)
				for range entries - 2 {
					accepted(t, a, command(acct, "", crediting(1)))
				}
				for i, e := range theirs.got {
					if tt.acked(i) {
						a.Acked(e.Writer, e.N)
					}
				}
				time.Sleep(2 * writer.HeartbeatEvery) // a saves that
				if tt.gone {
					if err := a.writer.Retire(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				walked := &backward{Table: tbl}
				b, ours := open(t, walked, c)
				accepted(t, b, command(acct, "b", crediting(1)))
				if tt.want < maxForeign && walked.rows > entries/2 {
					t.Errorf("read %d rows backward of %d entries", walked.rows, entries)
				}
				got := ours.firsts(t)
				if len(got) != tt.want+1 || got[0] != int64(entries-tt.want+1) {
					t.Errorf("published %d from v%d, want %d and our own, v%d", len(got), got[0], tt.want, entries+1)
				}
			})
		})
	}
}

// A load publishes nothing again of a writer that is gone, as after a restart: its entries are on
// the stream. It reads the newest only.
func TestYoungEntriesOfAWriterThatIsGone(t *testing.T) {
	tbl, _ := store(t)
	c := newClock()
	a, theirs := open(t, tbl, c)
	theirs.acks = a
	openAccount(t, a, acct, 100)
	for i := range 100 {
		accepted(t, a, command(acct, fmt.Sprint("a", i), crediting(1)))
	}
	if err := a.writer.Retire(t.Context()); err != nil {
		t.Fatal(err)
	}
	walked := &backward{Table: tbl}
	b, ours := open(t, walked, c)
	accepted(t, b, command(acct, "b", crediting(1)))
	if got := ours.firsts(t); len(got) != 1 || walked.rows > 5 {
		t.Errorf("published v%v, and read %d rows backward", got, walked.rows)
	}
}

// backward counts the rows that are read from the newest down.
type backward struct {
	table.Table
	rows int
}

func (b *backward) Query(ctx context.Context, q table.Query) (table.Page, error) {
	page, err := b.Table.Query(ctx, q)
	if q.Desc {
		b.rows += len(page.Rows)
	}
	return page, err
}
