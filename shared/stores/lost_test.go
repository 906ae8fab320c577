package stores_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/keywrap"
	"passbook/shared/origin"
	"passbook/shared/table"
	"passbook/shared/upgrade"
)

// switched upgrades a bank from before.
func (b *bank) switched() {
	b.t.Helper()
	_, err := upgrade.Run(b.t.Context(), upgrade.Config{
		Table: b.Table, Bucket: b.Bucket, Keys: b.Keys, Journal: journal.NewReader(b.Table), Stream: events,
		RaiseFormat: func(context.Context) error { return nil }, Exclusive: true,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// same fails the test unless two rows are of one bank at one format, with its keys and heads.
func same(t *testing.T, got, want origin.Bank) {
	t.Helper()
	if got.ID != want.ID || got.Format != want.Format || got.Key != want.Key || got.Heads != want.Heads {
		t.Errorf("the bank is %+v, want %+v", got, want)
	}
}

// keyring returns the bank's data keys, which its tables must have.
func (b *bank) keyring(w keywrap.Wrapper) *event.Keyring {
	b.t.Helper()
	keys, err := origin.Keyring(b.t.Context(), b.Table, w, b.id())
	if err != nil {
		b.t.Fatal(err)
	}
	return keys
}

// A bank whose tables were lost gets back what its archive knows: format, heads and keys. A bank
// from before gets none of it.
func TestRestore_BringsTheBankBack(t *testing.T) {
	for name, begin := range map[string]func(b *bank){
		"from before": func(b *bank) { b.fromBefore() },
		"new":         func(*bank) {},
	} {
		for _, upgraded := range []bool{false, true} {
			b := newBank(t, t.TempDir())
			begin(b)
			must(t, "the first start", b.Begin(t.Context()), "", "")
			entries := history()
			b.commit(entries...)
			b.archive(entries...)
			if upgraded {
				b.switched()
			}
			want := b.row()
			lost := newBank(t, b.dir)
			must(t, "a restore", lost.CheckRestore(t.Context(), true), "", "")
			same(t, lost.row(), want)
			if want.Format > 1 && lost.keyring(b.Keys).Newest() != want.Key {
				t.Errorf("%s: the keys are not back", name)
			}
			lost.commit(entries...)
			must(t, "the start after it", lost.Begin(t.Context()), "", "")
			same(t, lost.row(), want)
		}
	}
}

// A manifest that was overwritten is not taken for one that was never there: without it every entry
// without a mac would be accepted.
func TestRestore_RefusesAManifestThatIsDamaged(t *testing.T) {
	b := newBank(t, t.TempDir())
	b.fromBefore()
	must(t, "the first start", b.Begin(t.Context()), "", "")
	entries := history()
	b.commit(entries...)
	b.archive(entries...)
	b.switched()
	object := filepath.Join(b.dir, "heads", "v1", b.row().Heads+".json")
	if err := os.WriteFile(object, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	lost := newBank(t, b.dir)
	refused, ok := lost.CheckRestore(t.Context(), true).(*origin.Refusal)
	if !ok || !strings.Contains(refused.Next, "put back the manifest") {
		t.Errorf("a restore: %v", refused)
	}
	same(t, lost.row(), origin.Bank{})
}

// What others put into the bucket of a bank that was never switched does not stop it.
func TestBegin_IgnoresForeignManifests(t *testing.T) {
	b := newBank(t, t.TempDir())
	b.fromBefore()
	must(t, "the first start", b.Begin(t.Context()), "", "")
	for _, key := range []string{"heads/v1/x.json", "keys/v1/1.json"} {
		if err := b.Bucket.Create(t.Context(), key, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "the next start", b.Begin(t.Context()), "", "")
}

// Tables from before the switch beside an archive from after it are refused, and a restore brings
// them up to it.
func TestBegin_RefusesTablesFromBeforeTheSwitch(t *testing.T) {
	b := newBank(t, t.TempDir())
	b.fromBefore()
	must(t, "the first start", b.Begin(t.Context()), "", "")
	entries := history()
	b.commit(entries...)
	b.archive(entries...)
	before := b.row()
	b.switched()
	want := b.row()
	b.loseRow()
	b.forget(table.Key{PK: control.Keys(b.Table).Partition(), SK: "1"})
	if err := origin.WriteBank(t.Context(), b.Table, origin.Bank{}, before); err != nil {
		t.Fatal(err)
	}
	must(t, "the start", b.Begin(t.Context()), "an older copy than the archive", "replay journal")
	must(t, "a restore", b.CheckRestore(t.Context(), true), "", "")
	same(t, b.row(), want)
	must(t, "the start after it", b.Begin(t.Context()), "", "")
}

// A program that does not know the bank's format changes nothing, whichever it is.
func TestNewerBankIsRefused(t *testing.T) {
	b := newBank(t, t.TempDir())
	must(t, "the first start", b.Begin(t.Context()), "", "")
	now := b.row()
	now.Format = event.Format + 1
	if err := origin.WriteBank(t.Context(), b.Table, b.row(), now); err != nil {
		t.Fatal(err)
	}
	_, claim := b.Claim(t.Context())
	for name, err := range map[string]error{
		"start": b.Begin(t.Context()), "job": b.Check(t.Context()), "audit": b.CheckOwner(t.Context()), "writer": b.CheckWriter(t.Context()),
		"restore": b.CheckRestore(t.Context(), true), "claim": claim,
	} {
		if refused, ok := err.(*origin.Refusal); !ok || refused.Next == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, b.row(), now)
}

// The archive of another bank is not claimed by one whose entries are signed as its own.
func TestClaim_LeavesASignedBankItsName(t *testing.T) {
	b := newBank(t, t.TempDir())
	must(t, "the first start", b.Begin(t.Context()), "", "")
	want := b.row()
	b.use(other(t, events).dir)
	_, err := b.Claim(t.Context())
	must(t, "a claim", err, "are signed as those of bank "+want.ID, "--bucket")
	same(t, b.row(), want)
}
