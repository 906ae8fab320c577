package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/faults"
	"passbook/shared/storetest"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/webhook"
)

// keys counts what is unwrapped, and wraps by turning bytes.
type keys struct{ unwrapped atomic.Int64 }

func (k *keys) Wrap(_ context.Context, _ string, plain []byte) ([]byte, error) {
	wrapped := slices.Clone(plain)
	slices.Reverse(wrapped)
	return wrapped, nil
}

func (k *keys) Unwrap(ctx context.Context, bank string, wrapped []byte) ([]byte, error) {
	k.unwrapped.Add(1)
	return k.Wrap(ctx, bank, wrapped)
}

// fixture is a registry on its own table, with a clock that a test moves.
type fixture struct {
	*webhook.Registry
	table *faults.Table
	keys  *keys
	at    time.Time
}

func open(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{table: storetest.Memory(t, pebblestream.Options{}, control.Schema).Table, keys: &keys{}, at: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)}
	f.Registry = f.another(f.keys)
	return f
}

// another returns the registry of another process.
func (f *fixture) another(k *keys) *webhook.Registry {
	c := webhook.Config{Table: f.table, Bank: "bank", Now: func() time.Time { return f.at }, Log: slog.New(slog.DiscardHandler)}
	if k != nil {
		c.Keys = k
	}
	return webhook.NewRegistry(c)
}

func (f *fixture) add(t *testing.T, url string) *webhook.Endpoint {
	t.Helper()
	e, err := f.Create(t.Context(), webhook.Endpoint{Tenant: "north", URL: url}, false)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// current returns an endpoint as a registry has it.
func current(t *testing.T, r *webhook.Registry, id string) *webhook.Endpoint {
	t.Helper()
	set, err := r.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e, err := set.Get("north", id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The secret that the receiver has signs until its end, also when the answers of rotations were
// lost, and a keep of 0 ends all others.
func TestARotationThatWasLostEndsNoSecretThatIsUsed(t *testing.T) {
	f := open(t)
	e := f.add(t, "https://a.example")
	known := e.Secrets[0].Text
	for range 3 {
		f.at = f.at.Add(time.Hour)
		if _, err := f.Rotate(t.Context(), "north", e.ID, -1); err != nil {
			t.Fatal(err)
		}
	}
	e = current(t, f.Registry, e.ID)
	signing := e.Signing(f.at)
	if len(signing) != 3 || signing[2] != known || signing[0] != e.Secrets[0].Text {
		t.Errorf("%d secrets sign, and the known one is number %d", len(signing), slices.Index(signing, known))
	}
	if late := e.Signing(f.at.Add(22 * time.Hour)); slices.Contains(late, known) || len(late) != 2 {
		t.Errorf("after its day the known one still signs, with %d", len(late))
	}
	e, err := f.Rotate(t.Context(), "north", e.ID, 0)
	if err != nil || len(e.Secrets) != 1 || len(e.Signing(f.at)) != 1 {
		t.Errorf("%d secrets sign after a leak, %v", len(e.Signing(f.at)), err)
	}
}

// What another process changed is seen by the next call, and its secrets are unwrapped once.
func TestAChangeIsSeenByTheNextCall(t *testing.T) {
	f := open(t)
	e := f.add(t, "https://a.example")
	other, reading := &keys{}, f.another(nil)
	there := f.another(other)
	for range 3 {
		if got := current(t, there, e.ID); got.Secrets[0].Text != e.Secrets[0].Text {
			t.Fatalf("%+v", got)
		}
	}
	if n := other.unwrapped.Load(); n != 1 {
		t.Errorf("%d secrets were unwrapped", n)
	}
	if _, err := f.Pause(t.Context(), "north", e.ID, "Paused by a test."); err != nil {
		t.Fatal(err)
	}
	if got := current(t, there, e.ID); got.State != webhook.Paused || got.Cause != "Paused by a test." {
		t.Errorf("%+v", got)
	}
	if got := current(t, reading, e.ID); got.State != webhook.Paused || got.Secrets[0].Text != "" || len(got.Signing(f.at)) != 0 {
		t.Errorf("without a key: %+v", got)
	}
}

// The time of a filter is that of its last change, and other changes leave it.
func TestAFilterHasTheTimeOfItsChange(t *testing.T) {
	f := open(t)
	e := f.add(t, "https://a.example")
	change := func(do func(*webhook.Endpoint)) *webhook.Endpoint {
		f.at = f.at.Add(time.Minute)
		changed, err := f.Update(t.Context(), "north", e.ID, do)
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	if got := change(func(e *webhook.Endpoint) { e.Description, e.Types = "Sales", []string{} }); !got.Filtered.IsZero() {
		t.Errorf("filtered %v", got.Filtered)
	}
	if got := change(func(e *webhook.Endpoint) { e.Types = []string{"MoneyCredited"} }); !got.Filtered.Equal(f.at) {
		t.Errorf("filtered %v", got.Filtered)
	}
	changed := f.at
	change(func(e *webhook.Endpoint) { e.URL = "https://b.example" })
	if got := current(t, f.another(f.keys), e.ID); !got.Filtered.Equal(changed) {
		t.Errorf("filtered %v", got.Filtered)
	}
}

// Of changes at once none is lost, and a lost answer is no second endpoint.
func TestChangesAtOnceAreAllMade(t *testing.T) {
	f := open(t)
	e := f.add(t, "https://a.example")
	var all sync.WaitGroup
	for _, do := range []func(*webhook.Endpoint){
		func(e *webhook.Endpoint) { e.Description = "Sales" }, func(e *webhook.Endpoint) { e.Types = []string{"MoneyCredited"} },
		func(e *webhook.Endpoint) { e.Accounts = []string{"A-1"} },
	} {
		process := f.another(f.keys)
		all.Go(func() {
			if _, err := process.Update(t.Context(), "north", e.ID, do); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := current(t, f.Registry, e.ID); got.Description != "Sales" || len(got.Types) != 1 || len(got.Accounts) != 1 {
		t.Errorf("%+v", got)
	}
	f.table.Arm(&faults.Rule{Match: faults.On(control.Name), After: errors.New("the answer is lost")}, 1)
	const url = "https://lost.example"
	_, first := f.Create(t.Context(), webhook.Endpoint{Tenant: "north", URL: url}, false)
	_, second := f.Create(t.Context(), webhook.Endpoint{Tenant: "north", URL: url}, false)
	set, err := f.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	there := 0
	for _, one := range set.Of("north") {
		if one.URL == url {
			there++
		}
	}
	if first == nil && second == nil || there != 1 {
		t.Errorf("%v, %v: %d endpoints", first, second, there)
	}
}

func TestEndpointsAreBounded(t *testing.T) {
	f := open(t)
	for i := range webhook.MaxOfTenant {
		f.add(t, "https://a.example/"+strings.Repeat("x", i+1))
	}
	if _, err := f.Create(t.Context(), webhook.Endpoint{Tenant: "north", URL: "https://b.example"}, false); !errors.Is(err, webhook.ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	if _, err := f.Create(t.Context(), webhook.Endpoint{Tenant: "south", URL: "https://b.example"}, false); err != nil {
		t.Errorf("of another tenant: %v", err)
	}
}

// A row that is damaged hides no other, and one that is removed is known to nobody until its row
// goes.
func TestADamagedRowHidesNoOther(t *testing.T) {
	f := open(t)
	well, gone := f.add(t, "https://a.example"), f.add(t, "https://b.example")
	damaged := table.Row{Key: table.Key{PK: "webhook", SK: "wh_aaaaaaaaaaaaaaaa"}, Attrs: table.Map{"rev": table.N(1)}}
	if err := f.table.Put(t.Context(), table.Put{Table: control.Name, Row: damaged, If: table.Absent()}); err != nil {
		t.Fatal(err)
	}
	removed, err := f.Remove(t.Context(), "north", gone.ID)
	if err != nil {
		t.Fatal(err)
	}
	set, err := f.another(f.keys).Current(t.Context())
	if err != nil || len(set.All()) != 1 || set.All()[0].ID != well.ID || len(set.Removed()) != 1 {
		t.Fatalf("%+v, %v", set, err)
	}
	if _, err := set.Get("north", gone.ID); !errors.Is(err, webhook.ErrUnknown) {
		t.Errorf("the removed one: %v", err)
	}
	if err := f.Forget(t.Context(), removed); err != nil {
		t.Fatal(err)
	}
	if set, err = f.Current(t.Context()); err != nil || len(set.Removed()) != 0 {
		t.Errorf("%+v, %v", set, err)
	}
}

// A signature is what docs/webhooks.md says, one for each secret.
func TestSignaturesAreThoseOfTheDocument(t *testing.T) {
	body := []byte(`{"event_id":"A-1:2"}`)
	want := "t=1796029200"
	for _, secret := range []string{"whsec_1", "whsec_2"} {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte("1796029200." + string(body)))
		want += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	if got := webhook.Sign(time.Unix(1796029200, 999), body, []string{"whsec_1", "whsec_2"}); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

func TestAFilterSelects(t *testing.T) {
	e := webhook.Endpoint{Tenant: "north", Accounts: []string{"A-1"}, Types: []string{"MoneyCredited"}}
	entry := &event.Entry{Events: []event.Event{{Body: event.AccountOpened{}}, {Body: event.MoneyCredited{}}}}
	for a, want := range map[event.Account]bool{{Tenant: "north", ID: "A-1"}: true, {Tenant: "north", ID: "A-2"}: false, {Tenant: "south", ID: "A-1"}: false} {
		if e.Of(a) != want {
			t.Errorf("%s: %t", a, !want)
		}
	}
	if e.Wants(entry.Events[0]) || !e.Wants(entry.Events[1]) || !e.WantsAny(entry) || e.WantsAny(&event.Entry{Events: entry.Events[:1]}) {
		t.Error("another type is selected")
	}
	for text, want := range map[string]string{"https://a.example:8443/token?x=1": "https://a.example:8443", "%": "", "relative": ""} {
		if got := webhook.Place(text); got != want {
			t.Errorf("%s is at %q", text, got)
		}
	}
	for id, want := range map[string]bool{"wh_xupy6e7x7twvibsv": true, "wh_xupy6e7x7twvibs": false, "wh_xupy6e7x7twvibs1": false, "sec_xupy6e7x7twvibsv": false} {
		if webhook.ValidID(id) != want {
			t.Errorf("%s: %t", id, !want)
		}
	}
}
