package keywrap_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"passbook/shared/keywrap"
	"passbook/shared/keywrap/filewrap"
	"passbook/shared/keywrap/keywraptest"
)

func never() (bool, error) { return false, nil }

// The decorated wrapper keeps the contract.
func TestOnceKeepsTheContract(t *testing.T) {
	keywraptest.Run(t, func(t testing.TB) keywraptest.Handles {
		file := filepath.Join(t.TempDir(), "key")
		other := filewrap.New(filepath.Join(t.TempDir(), "key"), never)
		if _, err := other.Wrap(t.Context(), "b", []byte("k")); err != nil {
			t.Fatal(err)
		}
		return keywraptest.Handles{
			First: keywrap.Once(filewrap.New(file, never)), Second: keywrap.Once(filewrap.New(file, never)), Other: keywrap.Once(other),
		}
	})
}

// counting counts the calls of Unwrap, and fails the first few.
type counting struct {
	calls, fails atomic.Int64
}

var errDown = errors.New("down")

func (c *counting) Wrap(context.Context, string, []byte) ([]byte, error) { return nil, errDown }

func (c *counting) Unwrap(_ context.Context, bank string, wrapped []byte) ([]byte, error) {
	if c.calls.Add(1) <= c.fails.Load() {
		return nil, errDown
	}
	return append([]byte(bank+" "), wrapped...), nil
}

func TestOnceUnwrapsEachKeyOnce(t *testing.T) {
	var c counting
	w := keywrap.Once(&c)
	var all sync.WaitGroup
	for range 16 {
		for _, bank := range []string{"a", "b"} {
			for _, wrapped := range []string{"1", "2", "3"} {
				all.Go(func() {
					plain, err := w.Unwrap(t.Context(), bank, []byte(wrapped))
					if err != nil || string(plain) != bank+" "+wrapped {
						t.Errorf("%s %s: %q, %v", bank, wrapped, plain, err)
					}
					clear(plain) // what a caller does with it changes nothing
				})
			}
		}
	}
	all.Wait()
	if n := c.calls.Load(); n != 6 {
		t.Errorf("%d calls for 6 keys", n)
	}
}

func TestOnceAsksAgainAfterAFailure(t *testing.T) {
	var c counting
	c.fails.Store(1)
	w := keywrap.Once(&c)
	if _, err := w.Unwrap(t.Context(), "a", []byte("1")); !errors.Is(err, errDown) {
		t.Fatalf("%v, want the failure", err)
	}
	if plain, err := w.Unwrap(t.Context(), "a", []byte("1")); err != nil || string(plain) != "a 1" {
		t.Errorf("%q, %v", plain, err)
	}
}
