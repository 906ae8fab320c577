package jobs

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"passbook/shared/account"
	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/journal/restorer"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// Two tenants have the same account ids, and an account of each is in quarantine. A job shows and
// releases what it is asked for: by the id alone the main tenant's, else that of the tenant named.
func TestJobsTellTenantsApart(t *testing.T) {
	b := openBank(t)
	for _, stream := range Resources().Streams {
		if err := b.CreateStream(t.Context(), b.Config.Stream(stream)); err != nil {
			t.Fatal(err)
		}
	}
	to, err := b.liveProjection(t.Context(), Models[0])
	if err != nil {
		t.Fatal(err)
	}
	states := map[event.Account]account.State{}
	for _, e := range archivetest.Tenants(3, 2, 30, "main", "acme") {
		s := states[e.Account()]
		for _, ev := range e.Events {
			if s, err = account.Fold(s, ev); err != nil {
				t.Fatal(err)
			}
		}
		states[e.Account()] = s
		if err := restorer.New(b.Table).Restore(t.Context(), e, s); err != nil {
			t.Fatal(err)
		}
	}
	for a := range states {
		if _, err := to.CatchUp(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		key := readmodel.RowKey(1, a)
		row, err := b.Table.Get(t.Context(), Models[0], key, true)
		if err != nil {
			t.Fatal(err)
		}
		rev := row.Attrs["rev"]
		row.Attrs["version"], row.Attrs["hash"] = table.N(1000), table.S(event.Hash{1}.String())
		if err := b.Table.Put(t.Context(), table.Put{Table: Models[0], Row: row, If: table.Equals("rev", rev)}); err != nil {
			t.Fatal(err)
		}
		if err := b.catchUp(t.Context(), Models[0], a); !errors.Is(err, readmodel.ErrQuarantined) {
			t.Fatal(err)
		}
	}
	garbage(t, b, "balance@1", "1")
	left := func(params QuarantineParams) (ids []string) {
		t.Helper()
		list, err := b.quarantine(t.Context(), params, progress.New())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range list {
			ids = append(ids, q.ID)
		}
		slices.Sort(ids)
		return ids
	}
	of := func(tenant string) OfTenant { return OfTenant{tenant} }
	for _, step := range []struct {
		redrive RedriveParams
		done    []string
	}{
		{RedriveParams{Account: "A-1"}, []string{"balance@1 main#A-1"}},
		{RedriveParams{Account: "A-1", OfTenant: of("acme")}, []string{"balance@1 acme#A-1"}},
		{RedriveParams{Account: "acme#A-0"}, []string{"balance@1 acme#A-0"}},
		{RedriveParams{All: true, OfTenant: of("acme")}, []string{}},
		{RedriveParams{All: true, OfTenant: of("main")}, []string{"balance@1 main#A-0"}},
	} {
		switch len(left(QuarantineParams{})) {
		case 5: // nothing was released yet
			for want, params := range map[string]QuarantineParams{
				"acme#A-0 acme#A-1": {OfTenant: of("acme")},
				"main#A-0 main#A-1": {OfTenant: of("main")},
				"acme#A-1 main#A-1": {Account: "A-1"},
				"acme#A-1":          {Account: "A-1", OfTenant: of("acme")},
				"main#A-0":          {Account: "main#A-0"},
				"":                  {OfTenant: of("nobody")},
				"s#shard#1":         {Account: "s#shard#1"},
				"acme#A-0 acme#A-1 main#A-0 main#A-1 s#shard#1": {},
			} {
				if got := left(params); !slices.Equal(got, strings.Fields(want)) {
					t.Errorf("%+v: %v, not %s", params, got, want)
				}
			}
		}
		done, err := b.redrive(t.Context(), step.redrive, progress.New())
		if err != nil || !slices.Equal(done.Redriven, step.done) {
			t.Errorf("%+v: %+v, %v", step.redrive, done, err)
		}
	}
	if ids := left(QuarantineParams{}); !slices.Equal(ids, []string{"s#shard#1"}) {
		t.Errorf("left: %v", ids)
	}
}
