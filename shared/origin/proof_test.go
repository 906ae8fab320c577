package origin_test

import (
	"errors"
	"testing"
	"time"

	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/keywrap"
	"passbook/shared/origin"
	"passbook/shared/table"
)

// A proof comes from the tables, and from the bucket where there are none. Before the switch
// nothing is checked, and a bucket that lost its manifest is refused.
func TestLoadProof(t *testing.T) {
	tables, w := controlTable(t).Table, wrapper(t)
	disk, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	load := func(fromTables bool) *origin.Proof {
		t.Helper()
		var from table.Table
		if fromTables {
			from = tables
		}
		p, err := origin.LoadProof(t.Context(), from, disk, w)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, fromTables := range []bool{true, false} {
		if p := load(fromTables); p.Complete() || p.Keys != nil {
			t.Errorf("of no bank: %+v", p)
		}
	}
	bank := origin.Bank{ID: eventtest.Bank, Since: time.Now().UTC(), Format: 1}
	if err := origin.WriteBank(t.Context(), tables, origin.Bank{}, bank); err != nil {
		t.Fatal(err)
	}
	key, err := origin.NewKey(t.Context(), tables, w, bank.ID, 1)
	if err == nil {
		err = origin.CopyKeys(t.Context(), tables, disk, bank.ID, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	before := load(true)
	if before.Keys != nil || before.Heads != nil {
		t.Errorf("before the switch: %+v", before)
	}
	var refused *origin.Refusal
	if _, err := origin.LoadProof(t.Context(), nil, disk, w); !errors.As(err, &refused) {
		t.Errorf("a bucket with keys and without a manifest: %v", err)
	}
	keys := unwrapped(t, w, bank.ID, key)
	m := origin.NewManifest(disk, bank.ID, 2, keys)
	head := origin.Head{Account: event.Account{Tenant: "main", ID: "A-1"}, Version: 7, Hash: event.Hash{1}}
	if err := m.Add(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	sum, err := m.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	was, err := origin.ReadBank(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	now := was
	now.Format, now.Key, now.Heads = 2, 1, sum
	if err := origin.WriteBank(t.Context(), tables, was, now); err != nil {
		t.Fatal(err)
	}
	// a job that began before the switch
	signed := &event.Entry{Format: 2, Hash: event.Hash{5}, MAC: keys.Sign(event.Hash{5})}
	if err := before.Verify(t.Context(), signed); err != nil {
		t.Errorf("an entry of the bank: %v", err)
	}
	signed.Hash = event.Hash{6}
	if err := before.Verify(t.Context(), signed); !errors.Is(err, event.ErrForeign) {
		t.Errorf("an entry of nobody: %v", err)
	}
	for _, fromTables := range []bool{true, false} {
		p := load(fromTables)
		if !p.Complete() || p.Bank != bank.ID || p.Keys.Verify(event.Hash{3}, keys.Sign(event.Hash{3})) != nil {
			t.Fatalf("after the switch: %+v", p)
		}
		if got, ok, err := p.Heads.Of(t.Context(), head.Account); got != head || !ok || err != nil {
			t.Errorf("head %+v, %v, %v", got, ok, err)
		}
	}
}

func unwrapped(t *testing.T, w keywrap.Wrapper, bank string, k origin.WrappedKey) *event.Keyring {
	t.Helper()
	plain, err := w.Unwrap(t.Context(), bank, k.Wrapped)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := event.NewKeyring(bank, map[int][]byte{k.ID: plain})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// VerifyChain follows hashes back, over repeats and in any order, and tells what is missing from
// what is foreign.
func TestVerifyChain(t *testing.T) {
	disk, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := event.Account{Tenant: "main", ID: "A-1"}
	link := func(first, last int64, hash, prev byte) origin.Link {
		return origin.Link{First: first, Last: last, Hash: event.Hash{hash}, Prev: event.Hash{prev}}
	}
	h1, h2, h3, h4 := link(1, 1, 1, 0), link(2, 3, 2, 1), link(4, 4, 3, 2), link(5, 6, 4, 3)
	m := origin.NewManifest(disk, eventtest.Bank, 2, eventtest.Keys)
	if err := m.Add(t.Context(), origin.Head{Account: a, Version: h3.Last, Hash: h3.Hash}); err != nil {
		t.Fatal(err)
	}
	sum, err := m.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := &origin.Proof{Bank: eventtest.Bank, Keys: eventtest.Keys}
	if p.Heads, err = origin.LoadHeads(t.Context(), disk, sum); err != nil {
		t.Fatal(err)
	}
	own, foreign, unproven := error(nil), event.ErrForeign, origin.ErrUnproven
	for name, c := range map[string]struct {
		account          event.Account
		unsigned, signed []origin.Link
		want             []error
	}{
		"whole":                           {a, []origin.Link{h1, h2, h3}, nil, []error{own, own, own}},
		"in disorder and twice":           {a, []origin.Link{h3, h1, h2, h1, h3}, nil, []error{own, own, own, own, own}},
		"the head is missing":             {a, []origin.Link{h1, h2}, nil, []error{unproven, unproven}},
		"one in the middle is missing":    {a, []origin.Link{h1, h3}, nil, []error{unproven, own}},
		"two of one version":              {a, []origin.Link{h1, link(2, 3, 9, 1), h2, h3}, nil, []error{own, foreign, own, own}},
		"one beyond the head":             {a, []origin.Link{h1, h2, h3, h4}, nil, []error{own, own, own, foreign}},
		"one that a signed entry follows": {a, []origin.Link{h1, h2, h3, h4}, []origin.Link{link(7, 7, 5, 4)}, []error{own, own, own, own}},
		"signed entries follow the head":  {a, []origin.Link{h1, h2, h3}, []origin.Link{link(6, 6, 7, 6), link(5, 5, 6, 3)}, []error{own, own, own}},
		"an account without a head":       {event.Account{Tenant: "main", ID: "A-2"}, []origin.Link{h1, h2}, nil, []error{foreign, foreign}},
	} {
		got, err := p.VerifyChain(t.Context(), c.account, c.unsigned, c.signed)
		if err != nil || len(got) != len(c.want) {
			t.Fatal(got, err)
		}
		for i := range got {
			if !errors.Is(got[i], c.want[i]) {
				t.Errorf("%s: entry %d: %v, want %v", name, i, got[i], c.want[i])
			}
		}
	}
}
