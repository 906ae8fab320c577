package filewrap_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"passbook/shared/keywrap"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/keywrap/keywraptest"
)

// never reports of a directory that nothing was wrapped in it.
func never() (bool, error) { return false, nil }

func TestContract(t *testing.T) {
	keywraptest.Run(t, func(t testing.TB) keywraptest.Handles {
		file, other := filepath.Join(t.TempDir(), "key"), filepath.Join(t.TempDir(), "key")
		o := filewrap.New(other, never)
		if _, err := o.Wrap(t.Context(), "b", []byte("k")); err != nil { // makes the other file
			t.Fatal(err)
		}
		return keywraptest.Handles{First: filewrap.New(file, never), Second: filewrap.New(file, never), Other: o}
	})
}

// The first data key makes the file, which only its owner can read. Nothing else is left in the
// directory, and processes that make it at the same time use one key.
func TestTheFirstWrapMakesAPrivateFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	var all sync.WaitGroup
	wrapped := make([][]byte, 8)
	for i := range wrapped {
		all.Go(func() {
			var err error
			if wrapped[i], err = filewrap.New(file, never).Wrap(t.Context(), "bank", []byte("data key")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range wrapped {
		if plain, err := filewrap.New(file, never).Unwrap(t.Context(), "bank", wrapped[i]); err != nil || string(plain) != "data key" {
			t.Errorf("unwrapped %q, %v", plain, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Fatalf("mode %v, %v; want 600", info.Mode(), err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("the directory has %v, %v", names, err)
	}
}

func TestAFileThatOthersCanReadIsTakenFromThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	wrapped, err := filewrap.New(file, never).Wrap(t.Context(), "bank", []byte("data key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := filewrap.New(file, never).Unwrap(t.Context(), "bank", wrapped); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Fatalf("mode %v, %v; want 600", info.Mode(), err)
	}
}

// Without the file nothing can be unwrapped, and none is made in its place once something was
// wrapped.
func TestALostFileIsNotReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	w := filewrap.New(file, func() (bool, error) { return true, nil })
	if _, err := w.Wrap(t.Context(), "bank", []byte("data key")); !errors.Is(err, keywrap.ErrNoKey) || !strings.Contains(err.Error(), file) {
		t.Errorf("wrap: %v, want ErrNoKey with the file", err)
	}
	if _, err := w.Unwrap(t.Context(), "bank", []byte("something")); !errors.Is(err, keywrap.ErrNoKey) || !strings.Contains(err.Error(), file) {
		t.Errorf("unwrap: %v, want ErrNoKey with the file", err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("there is a file: %v", err)
	}
	down := errors.New("down")
	if _, err := filewrap.New(file, func() (bool, error) { return false, down }).Wrap(t.Context(), "bank", []byte("data key")); !errors.Is(err, down) {
		t.Errorf("wrap: %v, want the failure", err)
	}
}

func TestADamagedFileIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	for _, text := range []string{"", "passbook-key-1 \n", "passbook-key-1 AAAA\n", "passbook-key-1 " + strings.Repeat("A", 300), "AAAA"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := filewrap.New(file, never).Unwrap(t.Context(), "bank", []byte("something"))
		if !errors.Is(err, keywrap.ErrNoKey) || !strings.Contains(err.Error(), file+" is damaged") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
