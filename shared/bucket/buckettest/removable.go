package buckettest

import (
	"bytes"
	"errors"
	"testing"

	"passbook/shared/bucket"
)

// RunRemovable checks that an adapter keeps the contract of bucket.Removable.
func RunRemovable(t *testing.T, b bucket.Removable) {
	t.Helper()
	for _, key := range []string{"a/b", "a/c", "a/b"} {
		if err := b.Create(t.Context(), key, []byte("first")); err != nil {
			t.Fatal(err)
		}
		if err := b.Remove(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Open(t.Context(), key); !errors.Is(err, bucket.ErrNotFound) {
			t.Errorf("%s after it was removed: %v", key, err)
		}
		page, err := b.List(t.Context(), "a/", "")
		if err != nil || len(page.Objects) != 0 {
			t.Errorf("listed: %v, %v", page, err)
		}
		if err = b.Remove(t.Context(), key); err != nil {
			t.Errorf("%s, which is not there: %v", key, err)
		}
	}
	if err := b.Remove(t.Context(), "../a"); !errors.Is(err, bucket.ErrInvalid) {
		t.Errorf("an invalid key: %v", err)
	}
	if err := b.Create(t.Context(), "a/b", []byte("second")); err != nil {
		t.Fatal(err)
	}
	o, err := b.Open(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, o.Size())
	_, err = o.ReadAt(got, 0)
	if err = errors.Join(err, o.Close()); err != nil || !bytes.Equal(got, []byte("second")) {
		t.Errorf("%q, %v", got, err)
	}
}
