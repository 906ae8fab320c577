package journal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"passbook/shared/journal/rowkey"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/table"
)

// A wrong or damaged state in an entry costs time only: the account is read and decided on as its
// events make it.
func TestWrongStateOnlyCostsTime(t *testing.T) {
	replaced := func(old, new string) func(string) string {
		return func(state string) string { return strings.Replace(state, old, new, 1) }
	}
	for _, c := range []struct {
		name  string
		spoil func(state string) string
		// newest spoils the newest entry's state, else that of v3, with the newer ones taken away.
		newest bool
		doubts int
	}{
		{"no JSON", func(string) string { return "{" }, true, 1},
		{"a damaged field", replaced(`"c":"EUR"`, `"c":"EURO"`), true, 1},
		{"no field", replaced(`"s":"open",`, ``), true, 1},
		{"of another version", replaced(`"v":5`, `"v":4`), true, 1},
		{"money that nobody has", replaced(`"b":950`, `"b":9950`), true, 1},
		{"another limit", replaced(`"l":0`, `"l":5000`), true, 1},
		{"a hold that is not there", func(s string) string { return s[:len(s)-1] + `,"o":[{"v":1,"a":1,"p":1}]}` }, true, 1},
		{"another currency", replaced(`EUR`, `USD`), true, 1},
		{"closed", replaced(`"s":"open"`, `"s":"closed"`), true, 1},
		{"another format", replaced(`"format":1`, `"format":2`), true, 0},
		{"holds of the right sum, which do not fold", replaced(`"v":3,"a":50`, `"v":2,"a":50`), false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			tbl, _ := store(t)
			now := newClock()
			j, _ := open(t, tbl, now)
			openAccount(t, j, acct, 1000)
			hold := accepted(t, j, command(acct, "hold", func(s account.State, now time.Time) account.Decision {
				d := account.NewDraft(s, now)
				d.PlaceHold(event.HoldPlaced{Amount: 50})
				return d.Decision()
			}))
			accepted(t, j, command(acct, "capture", func(s account.State, now time.Time) account.Decision {
				d := account.NewDraft(s, now)
				h, _ := d.ActiveHold(event.HoldID(hold.Command.Last), true)
				d.Capture(h, 50, true)
				return d.Decision()
			}))
			spoilt := hold.Entry.First
			if c.newest {
				spoilt = hold.Entry.Last + 1
			}
			changed := 0
			rewriteStates(t, tbl, func(first int64, state string) string {
				switch {
				case first == spoilt:
					changed++
					wrong := c.spoil(state)
					if wrong == state {
						t.Fatalf("the state stayed %s", state)
					}
					return wrong
				case first > spoilt:
					return ""
				}
				return state
			})
			if changed != 1 {
				t.Fatalf("%d states were spoilt", changed)
			}
			fresh, _ := open(t, tbl, now)
			head, err := fresh.Head(t.Context(), acct)
			if err != nil || head.State.Version != 5 || head.State.Posted != 950 || head.State.Held != 0 || head.State.Limit != 0 || head.State.Status != account.StatusOpen {
				t.Errorf("head %+v, %v", head.State, err)
			}
			if got := int(testutil.ToFloat64(fresh.stateFaults.count)); got != c.doubts {
				t.Errorf("%d states were refused, want %d", got, c.doubts)
			}
			if r := execute(t, fresh, command(acct, "too much", withdrawing(951))); r.Command.Status != 422 {
				t.Errorf("more than there is was withdrawn: %+v", r.Command)
			}
			accepted(t, fresh, command(acct, "all", withdrawing(950)))
		})
	}
}

// rewriteStates changes the states in the account's entries; an empty one is removed.
func rewriteStates(t *testing.T, tbl table.Table, change func(first int64, state string) string) {
	t.Helper()
	page, err := tbl.Query(t.Context(), table.Query{Table: Table, PK: acct.String(), From: table.S(rowkey.FirstEntry), To: table.S(rowkey.LastEntry), Consistent: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range page.Rows {
		state, _ := row.Attrs["state"].(table.S)
		first, _ := row.Attrs["first"].(table.N)
		changed := change(int64(first), string(state))
		if row.Attrs["state"] = table.S(changed); changed == "" {
			delete(row.Attrs, "state")
		}
		if err := tbl.Put(t.Context(), table.Put{Table: Table, Row: row, If: table.Equals("hash", row.Attrs["hash"])}); err != nil {
			t.Fatal(fmt.Errorf("rewrite v%d: %w", first, err))
		}
	}
}
