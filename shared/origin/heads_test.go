package origin_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/origin"
)

// manyHeads fill more than one part of a manifest.
const manyHeads = 40_000

func head(i int) origin.Head {
	return origin.Head{Account: event.Account{Tenant: "main", ID: fmt.Sprintf("A-%06d", 2*i)}, Version: int64(i + 1), Hash: event.Hash{byte(i), byte(i >> 8), 1}}
}

// A manifest of several parts finds each head that was added, and no other.
func TestHeadsAreFoundAgain(t *testing.T) {
	b, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := origin.NewManifest(b, eventtest.Bank, 2, eventtest.Keys)
	for i := range manyHeads {
		if err := d.Add(t.Context(), head(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Add(t.Context(), head(7)); err == nil {
		t.Error("an account out of order was added")
	}
	sum, err := d.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heads, err := origin.LoadHeads(t.Context(), b, sum)
	if err != nil || heads.Accounts() != manyHeads || heads.Sum() != sum {
		t.Fatalf("%d accounts, %v", heads.Accounts(), err)
	}
	for _, i := range []int{0, 1, 1<<15 - 1, 1 << 15, manyHeads - 1} {
		if got, found, err := heads.Of(t.Context(), head(i).Account); err != nil || !found || got != head(i) {
			t.Errorf("%d: %+v, %v, %v", i, got, found, err)
		}
	}
	for _, id := range []string{"A", "A-000001", "A-065535", "B"} {
		if got, found, err := heads.Of(t.Context(), event.Account{Tenant: "main", ID: id}); err != nil || found {
			t.Errorf("%s: %+v, %v, %v", id, got, found, err)
		}
	}
}

// Without a row that names the manifest, the newest one counts that the bank has signed. What
// others put beside it does not, and what was changed is refused.
func TestOnlyWhatTheBankSignedCounts(t *testing.T) {
	dir := t.TempDir()
	b, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	write := func(bank string, keys *event.Keyring, heads ...origin.Head) string {
		t.Helper()
		d := origin.NewManifest(b, bank, 2, keys)
		for _, h := range heads {
			if err := d.Add(t.Context(), h); err != nil {
				t.Fatal(err)
			}
		}
		sum, err := d.Close(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if none, err := origin.NewestHeads(t.Context(), b, eventtest.Bank, eventtest.Keys); none != nil || err != nil {
		t.Errorf("of an empty bucket: %v, %v", none, err)
	}
	write(eventtest.Bank, eventtest.Keys, head(0))
	want := write(eventtest.Bank, eventtest.Keys, head(0), head(1))
	write(eventtest.Bank, eventtest.Keyring(eventtest.Bank, 2), head(2)) // with a key that the bank does not have
	write("another", eventtest.Keyring("another", 1), head(3))
	for name, text := range map[string]string{"notes": "none", strings.Repeat("A", 43) + ".json": `{"format":1}`} {
		if err := b.Create(t.Context(), "heads/v1/"+name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	text := []byte(`{"format":99,"bank":"` + eventtest.Bank + `","mac":"1:AAAAAAAAAAAAAAAAAAAAAA"}`)
	sum := sha256.Sum256(text)
	if err := b.Create(t.Context(), "heads/v1/"+base64.RawURLEncoding.EncodeToString(sum[:])+".json", text); err != nil {
		t.Fatal(err)
	}
	newest, err := origin.NewestHeads(t.Context(), b, eventtest.Bank, eventtest.Keys)
	if err != nil || newest == nil || newest.Sum() != want {
		t.Fatalf("%+v, %v; want %s", newest, err, want)
	}
	parts, err := filepath.Glob(filepath.Join(dir, "headparts", "v1", "*"))
	if err != nil || len(parts) == 0 {
		t.Fatal(parts, err)
	}
	for _, part := range parts {
		if err := errors.Join(os.Chmod(part, 0o600), os.WriteFile(part, []byte(`{"account":"main#A-000000","version":9,"hash":"x"}`+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if got, found, err := newest.Of(t.Context(), head(0).Account); err == nil || !strings.Contains(err.Error(), "headparts/v1/") {
		t.Errorf("of a changed part: %+v, %v, %v", got, found, err)
	}
	if _, err := origin.LoadHeads(t.Context(), b, strings.Repeat("A", 43)); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("of an object with another sum: %v", err)
	}
}
