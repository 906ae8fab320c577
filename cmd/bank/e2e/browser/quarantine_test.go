package browser

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"passbook/balance"
	"passbook/shared/embedded"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/readmodel"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

func TestABlockedAccountIsFoundFromTheOverviewAndRedriven(t *testing.T) {
	inTurn(t, func(s *seat) {
		s.id = "A-20"
		s.bank.Terminate()
		spoil(s.t, s.bank.data, s.id)
		s.bank.again(s.t)
		s.pays(100)
		s.Until("the overview names the account", func() error {
			s.Visit("/ui/")
			if !strings.Contains(s.Text("#attention"), s.id) {
				return errNotYet
			}
			return nil
		})
		s.Picture("overview-attention")
		s.Check()
		s.Visit("/ui/") // at its usual text size
		s.Follow("#attention a:has(.id)")
		if !strings.Contains(s.Path(), "id=") {
			s.sees(s.id, "balance@1")
			s.Picture("quarantine-list")
			s.Check()
			s.Follow(`main td a[href*="id="]`)
		}
		s.sees("Cause", "a redrive folds the account from the journal again")
		s.Picture("quarantined")
		s.Check()
		s.read("")
		s.sees("Cause and redrive")
		s.Picture("account-blocked")
		s.Check()
		s.Follow(`main .wrong a`)
		if !strings.Contains(s.Path(), "id=") {
			s.Follow(`main td a[href*="id="]`)
		}
		s.FollowText("Redrive")
		s.job("redrive", "")
		s.Until("nothing is blocked any more", func() error {
			s.Visit("/ui/")
			if strings.Contains(s.Text("#attention"), s.id) {
				return errNotYet
			}
			return nil
		})
		s.read("")
		s.sees("−765.12") // of 88,412 withdrawn, 12,000 received and 100 withdrawn
		if s.Has("main .wrong") {
			s.t.Errorf("after the redrive the account is blocked: %s", s.Text("main .wrong"))
		}
	})
}

// spoil gives the row of an account the hash of another account's history, in a bank that is down:
// the next event does not follow it, and the account is put into quarantine.
func spoil(t testing.TB, data, id string) {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pebbletable.New(db, slices.Concat(journal.Schemas, balance.Schemas)...)
	if err == nil {
		err = exchange(t, tables, id)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// exchange puts the hash of the row of A-21 into that of an account.
func exchange(t testing.TB, tables table.Table, id string) error {
	t.Helper()
	key := func(id string) table.Key { return readmodel.RowKey(1, event.Account{Tenant: "main", ID: id}) }
	other, err := tables.Get(t.Context(), balance.Table, key("A-21"), true)
	if err != nil {
		return err
	}
	row, err := tables.Get(t.Context(), balance.Table, key(id), true)
	if err != nil {
		return err
	}
	row.Attrs["hash"] = other.Attrs["hash"]
	return tables.Put(t.Context(), table.Put{Table: balance.Table, Row: row, If: table.Equals("rev", row.Attrs["rev"])})
}
