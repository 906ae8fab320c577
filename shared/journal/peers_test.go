package journal

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Of another writer's entries, those that it has saved as published are not published again, whether they are met by a load or after a
// conflict; the others are, in their order, while they are young.
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
				for _, c := range theirs.got[:len(theirs.got)-1] { // the stream has all but the last
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
