package origin_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/keywrap"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/origin"
)

// wrapper returns a Wrapper with a new key file.
func wrapper(t testing.TB) keywrap.Wrapper {
	return filewrap.New(filepath.Join(t.TempDir(), "key"), func() (bool, error) { return false, nil })
}

// The key of an id is made once, and a caller that repeats the call gets the same.
func TestNewKeyIsMadeOnce(t *testing.T) {
	s, w := controlTable(t).Table, wrapper(t)
	first, err := origin.NewKey(t.Context(), s, w, "b", 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := origin.NewKey(t.Context(), s, w, "b", 1)
	if err != nil || string(again.Wrapped) != string(first.Wrapped) || !again.Since.Equal(first.Since) {
		t.Errorf("again: %+v, %v; want %+v", again, err, first)
	}
	second, err := origin.NewKey(t.Context(), s, w, "b", 2)
	if err != nil || second.ID != 2 {
		t.Fatalf("key 2: %+v, %v", second, err)
	}
	plain, err := w.Unwrap(t.Context(), "b", first.Wrapped)
	if err != nil || len(plain) != 32 {
		t.Fatalf("unwrapped %d bytes, %v", len(plain), err)
	}
	if other, err := w.Unwrap(t.Context(), "b", second.Wrapped); err != nil || string(other) == string(plain) {
		t.Errorf("key 2 is key 1: %v", err)
	}
	if _, err := origin.NewKey(t.Context(), s, w, "b", 4097); err == nil {
		t.Error("there is no last key")
	}
}

// refusing is a Wrapper without the right to wrap.
type refusing struct{ keywrap.Wrapper }

func (refusing) Wrap(context.Context, string, []byte) ([]byte, error) {
	return nil, keywrap.ErrRefused
}

func TestNewKeyThatCannotBeWrappedLeavesNothing(t *testing.T) {
	s := controlTable(t).Table
	if _, err := origin.NewKey(t.Context(), s, refusing{}, "b", 1); !errors.Is(err, keywrap.ErrRefused) {
		t.Fatalf("%v, want ErrRefused", err)
	}
	page, err := control.Keys(s).Page(t.Context(), "")
	if err != nil || len(page.Rows) != 0 {
		t.Errorf("rows %v, %v", page.Rows, err)
	}
}

// Keys go from the table into the bucket and from there into an empty table, and nothing is
// overwritten on the way.
func TestKeysSurviveTheirTable(t *testing.T) {
	s, w, dir := controlTable(t).Table, wrapper(t), t.TempDir()
	b, err := dirbucket.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for id := 1; id <= 11; id++ {
		k, err := origin.NewKey(t.Context(), s, w, "b", id)
		if err != nil {
			t.Fatal(err)
		}
		want[string(k.Wrapped)] = k.Since.String()
		for range 2 { // the second call finds them there
			if err := origin.CopyKeys(t.Context(), s, b, "b", id); err != nil {
				t.Fatal(err)
			}
		}
	}
	restored := controlTable(t).Table
	for range 2 {
		if err := origin.RestoreKeys(t.Context(), restored, b, "b"); err != nil {
			t.Fatal(err)
		}
	}
	for id := 1; id <= 11; id++ {
		k, err := origin.NewKey(t.Context(), restored, refusing{w}, "b", id) // makes none
		if err != nil || want[string(k.Wrapped)] != k.Since.String() {
			t.Errorf("key %d: %+v, %v", id, k, err)
		}
	}
	var refused *origin.Refusal
	if err := origin.RestoreKeys(t.Context(), controlTable(t).Table, b, "c"); err == nil || !strings.Contains(err.Error(), "bank b") {
		t.Errorf("keys of another bank: %v", err)
	}
	other := controlTable(t).Table
	if _, err := origin.NewKey(t.Context(), other, w, "b", 1); err != nil {
		t.Fatal(err)
	}
	if err := origin.CopyKeys(t.Context(), other, b, "b", 1); !errors.As(err, &refused) || !strings.Contains(refused.What, "key 1") {
		t.Errorf("another key 1: %v", err)
	}
	for _, name := range []string{"12.json", "x.json", "readme"} { // anything can be put beside the copies
		if err := os.WriteFile(filepath.Join(dir, "keys/v1", name), []byte(`{"format":1,"bank":"b","id":2}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := origin.RestoreKeys(t.Context(), restored, b, "b"); err != nil {
		t.Errorf("with other objects beside the copies: %v", err)
	}
}
