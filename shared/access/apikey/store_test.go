package apikey

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/access"
	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
)

var errLost = errors.New("the answer was lost")

// dayOne is when the tests begin, as synctest has it.
var dayOne = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// memory returns a control table in memory, with faults.
func memory(t testing.TB) *faults.Table {
	t.Helper()
	return storetest.Memory(t, pebblestream.Options{}, control.Schema).Table
}

// draft returns a key that could be made, and its text.
func draft() (Key, string) {
	made := Generate()
	return Key{ID: made.ID, Sum: made.Sum, Name: "payroll", Tenant: "main", Scopes: 3, Created: dayOne, CreatedBy: "os:1000"}, made.Text
}

// create makes a key.
func create(t testing.TB, tbl table.Table, change func(*Key)) (Key, string) {
	t.Helper()
	k, text := draft()
	if change != nil {
		change(&k)
	}
	made, err := Create(t.Context(), tbl, k)
	if err != nil {
		t.Fatal(err)
	}
	return made, text
}

// revoke ends a key.
func revoke(t testing.TB, tbl table.Table, id string, at time.Time) Key {
	t.Helper()
	k, err := Revoke(t.Context(), tbl, id, at)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// list returns all keys.
func list(t testing.TB, tbl table.Table) []Key {
	t.Helper()
	keys, err := List(t.Context(), tbl)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestWhatIsStoredIsRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k, _ := draft()
		k.Name = rapid.StringMatching(`[\pL0-9 ]{1,16}`).Draw(rt, "name")
		k.Tenant = rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,31}`).Draw(rt, "tenant")
		k.Scopes = access.Scopes(rapid.Uint16Range(1, uint16(access.All)).Draw(rt, "scopes"))
		k.AllTenants = rapid.Bool().Draw(rt, "all tenants")
		if rapid.Bool().Draw(rt, "expires") {
			k.Expires = dayOne.Add(time.Duration(rapid.Int64Range(1e6, int64(maxLife)).Draw(rt, "in"))).Truncate(time.Microsecond)
		}
		if err := k.Check(dayOne); err != nil {
			rt.Fatal(err)
		}
		got, err := parseRow(table.Row{Key: table.Key{PK: "apikey", SK: k.ID}, Attrs: k.attrs()})
		if err != nil || !reflect.DeepEqual(got, k) {
			rt.Errorf("%+v is read as %+v: %v", k, got, err)
		}
	})
}

// The life of a key through the table: made once, revoked once, listed forever, and counted.
func TestKeysAreMadeAndRevoked(t *testing.T) {
	tbl := memory(t)
	if never, err := Never(t.Context(), tbl); !never || err != nil {
		t.Fatalf("a new bank had a key: %v", err)
	}
	first, _ := create(t, tbl, nil)
	second, _ := create(t, tbl, func(k *Key) { k.Expires = dayOne.Add(time.Hour) })
	if never, err := Never(t.Context(), tbl); never || err != nil {
		t.Errorf("the bank never had a key: %v", err)
	}
	ended := revoke(t, tbl, first.ID, dayOne.Add(time.Minute))
	if again := revoke(t, tbl, first.ID, dayOne.Add(time.Hour)); again != ended || ended.State(dayOne) != "revoked" {
		t.Errorf("revoked again it is %+v, and was %+v", again, ended)
	}
	if _, err := Revoke(t.Context(), tbl, "000000000000", dayOne); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "000000000000") {
		t.Errorf("revoke a key that is not there: %v", err)
	}
	want := map[string]Key{first.ID: ended, second.ID: second}
	for _, k := range list(t, tbl) {
		if k != want[k.ID] {
			t.Errorf("listed as %+v", k)
		}
		delete(want, k.ID)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
	if row, err := control.APIKeys(tbl).Get(t.Context(), control.ChangesKey); err != nil || row.Attrs.Number("rev") != 3 {
		t.Errorf("the count of changes is %v: %v", row.Attrs, err)
	}
	if second.State(dayOne) != "active" || second.State(dayOne.Add(time.Hour)) != "expired" {
		t.Error("a key does not expire by the clock")
	}
}

// Whether an answer is lost before or after the write, a change is made once.
func TestALostAnswerChangesNothingTwice(t *testing.T) {
	for name, rule := range map[string]*faults.Rule{
		"before": {Before: errLost}, "after": {After: errLost}, "conflict": {Before: table.ErrConflict}, "throttled": {Before: table.ErrThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tbl := memory(t)
				tbl.Arm(rule, 3)
				k, _ := create(t, tbl, nil)
				fired := rule.Fired()
				tbl.Arm(rule, 3)
				revoke(t, tbl, k.ID, dayOne)
				if keys := list(t, tbl); len(keys) != 1 || keys[0].Revoked != dayOne || fired == 0 || rule.Fired() == fired {
					t.Errorf("%+v, after %d faults", keys, rule.Fired())
				}
				row, err := control.APIKeys(tbl).Get(t.Context(), control.ChangesKey)
				if err != nil || row.Attrs.Number("rev") != 2 {
					t.Errorf("the count of changes is %v: %v", row.Attrs, err)
				}
			})
		})
	}
}

func TestATableThatRefusesEndsTheAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tbl := memory(t)
		refused := tbl.Arm(&faults.Rule{Before: table.ErrRefused}, 100)
		k, _ := draft()
		if _, err := Create(t.Context(), tbl, k); !errors.Is(err, table.ErrRefused) || refused.Fired() != 1 {
			t.Errorf("%v after %d attempts", err, refused.Fired())
		}
		down := tbl.Arm(&faults.Rule{Before: errLost}, 100)
		if _, err := Create(t.Context(), tbl, k); !errors.Is(err, errLost) || down.Fired() != attempts {
			t.Errorf("%v after %d attempts", err, down.Fired())
		}
	})
}

// Jobs that make keys at the same time meet on the count of changes, and each makes its own.
func TestKeysMadeAtTheSameTimeAreAllThere(t *testing.T) {
	tbl := memory(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			k, _ := draft()
			if _, err := Create(t.Context(), tbl, k); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if keys := list(t, tbl); len(keys) != 4 {
		t.Errorf("%d keys", len(keys))
	}
}

// fill puts keys into the table without counting them.
func fill(t *testing.T, tbl table.Table, n int, change func(i int, k *Key)) {
	t.Helper()
	for i := 0; i < n; {
		var puts []table.Put
		for ; i < n && len(puts) < table.MaxTransact; i++ {
			k, _ := draft()
			if change != nil {
				change(i, &k)
			}
			puts = append(puts, control.APIKeys(tbl).Create(k.ID, k.attrs()))
		}
		if err := tbl.Transact(t.Context(), puts); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheNumberOfKeysIsBounded(t *testing.T) {
	tbl := memory(t)
	fill(t, tbl, MaxKeys-1, nil)
	ended, _ := create(t, tbl, func(k *Key) { k.Expires = dayOne.Add(time.Hour) })
	k, _ := draft()
	k.Created = ended.Expires.Add(keepEnded)
	if _, err := Create(t.Context(), tbl, k); !errors.Is(err, ErrTooMany) {
		t.Errorf("one key too many: %v", err)
	}
	k.Created = k.Created.Add(time.Second) // the one that ended is forgotten
	if _, err := Create(t.Context(), tbl, k); err != nil {
		t.Error(err)
	}
	keys := list(t, tbl)
	if _, there := (listing{keys: keys}).find(ended.ID); there || len(keys) != MaxKeys {
		t.Errorf("%d keys, and the one that ended is still there: %v", len(keys), there)
	}
}

// What is wrong with a key is named, with what would be right.
func TestWrongKeysAreNamed(t *testing.T) {
	for want, change := range map[string]func(*Key){
		"the id": func(k *Key) { k.ID = "a-b" }, "the sum": func(k *Key) { k.Sum = Sum{} }, "the name is not 1 to 64": func(k *Key) { k.Name = "" },
		"the name": func(k *Key) { k.Name = "a\nb" }, `the tenant "Main"`: func(k *Key) { k.Tenant = "Main" }, "no scope": func(k *Key) { k.Scopes = 0 },
		"have expired at 2000-01-01T00:00:00Z already": func(k *Key) { k.Expires = dayOne }, "ten years": func(k *Key) { k.Expires = dayOne.Add(maxLife + 1) },
		"more than 64 bytes": func(k *Key) { k.CreatedBy = strings.Repeat("a", 65) },
	} {
		k, _ := draft()
		change(&k)
		if err := k.Check(dayOne); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A row that was damaged is named and is no key; the others are.
func TestADamagedRowIsNamed(t *testing.T) {
	tbl := memory(t)
	good, _ := create(t, tbl, nil)
	for attr, value := range map[string]table.Value{
		"sum": table.B("short"), "tenant": table.S("Main"), "scopes": table.S("all"), "all_tenants": table.N(1), "revoked": table.S("yesterday"), "name": nil,
	} {
		k, _ := draft()
		attrs := k.attrs()
		if attrs[attr] = value; value == nil {
			delete(attrs, attr)
		}
		if err := control.APIKeys(tbl).Put(t.Context(), k.ID, attrs, nil); err != nil {
			t.Fatal(err)
		}
		keys, err := List(t.Context(), tbl)
		if err == nil || !strings.Contains(err.Error(), k.ID) || !strings.Contains(err.Error(), attr) || len(keys) != 1 || keys[0] != good {
			t.Errorf("%s: %v, %+v", attr, err, keys)
		}
		if err := control.APIKeys(tbl).Delete(t.Context(), k.ID, table.N(1)); err != nil {
			t.Fatal(err)
		}
	}
}

// A program of a later release may give scopes that this one does not know.
func TestAnUnknownScopeIsLeftOut(t *testing.T) {
	k, _ := draft()
	attrs := k.attrs()
	attrs["scopes"] = append(attrs["scopes"].(table.List), table.S("moon:land"))
	got, err := parseRow(table.Row{Key: table.Key{PK: "apikey", SK: k.ID}, Attrs: attrs})
	if err != nil || got != k {
		t.Errorf("%+v: %v", got, err)
	}
}

func TestASumIsTextAndBack(t *testing.T) {
	sum := Generate().Sum
	text, err := sum.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var back Sum
	if err := back.UnmarshalText(text); err != nil || back != sum {
		t.Errorf("%s is read as %v: %v", text, back, err)
	}
	for _, wrong := range []string{"", "a", string(text) + "A", fmt.Sprintf("%x", sum)} {
		if err := back.UnmarshalText([]byte(wrong)); err == nil {
			t.Errorf("%q is read as a sum", wrong)
		}
	}
}

// ended returns a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestAnInterruptedChangeEnds(t *testing.T) {
	tbl := memory(t)
	tbl.Arm(&faults.Rule{Before: errLost}, 100)
	k, _ := draft()
	if _, err := Create(ended(t), tbl, k); err == nil {
		t.Error("it was made")
	}
}
