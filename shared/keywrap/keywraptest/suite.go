package keywraptest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/shared/keywrap"
)

// Handles are what the test of an adapter opens: two on one key, as two processes have them, and
// one on another key.
type Handles struct{ First, Second, Other keywrap.Wrapper }

// clause is a sentence of the port's documentation and the test that checks it.
type clause struct {
	name, sentence string
	test           func(*suite)
}

// suite is one running subtest. bank is an id that no other subtest uses.
type suite struct {
	*testing.T
	ctx context.Context
	Handles
	bank  string
	plain []byte
}

// Run checks that an adapter keeps the contract.
func Run(t *testing.T, open func(testing.TB) Handles) {
	handles := open(t)
	for _, c := range clauses {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			plain := make([]byte, 32)
			_, _ = rand.Read(plain) // it never fails
			c.test(&suite{T: t, ctx: ctx, Handles: handles, bank: "bank-" + rand.Text(), plain: plain})
		})
	}
}

var clauses = []clause{
	{"round", "Unwrap returns the data key that was wrapped for the bank, by this process or another one with the same key.", func(s *suite) {
		wrapped := s.wrap(s.First)
		for _, by := range []keywrap.Wrapper{s.First, s.Second} {
			if plain, err := by.Unwrap(s.ctx, s.bank, wrapped); err != nil || !bytes.Equal(plain, s.plain) {
				s.Errorf("unwrapped %x, %v; want %x", plain, err, s.plain)
			}
		}
	}},
	{"secret", "nobody can read or change it without the key that wraps", func(s *suite) {
		if wrapped := s.wrap(s.First); bytes.Contains(wrapped, s.plain) {
			s.Errorf("the data key can be read in %x", wrapped)
		}
	}},
	{"alike", "Nobody can tell from two results whether they have the same data key.", func(s *suite) {
		if bytes.Equal(s.wrap(s.First), s.wrap(s.First)) {
			s.Error("two results are equal")
		}
	}},
	{"bank", "it is bound to its bank, so that a wrapped key moved to another bank is refused", func(s *suite) {
		s.refused(s.First, s.bank+"2", s.wrap(s.First))
	}},
	{"key", "A result of another bank or another key, and one of which a bit was changed, fails with ErrRefused.", func(s *suite) {
		s.refused(s.Other, s.bank, s.wrap(s.First))
	}},
	{"changed", "and one of which a bit was changed, fails with ErrRefused.", func(s *suite) {
		wrapped := s.wrap(s.First)
		for _, at := range []int{len(wrapped) / 2, len(wrapped) - 1} {
			changed := bytes.Clone(wrapped)
			changed[at] ^= 1
			s.refused(s.First, s.bank, changed)
		}
		s.refused(s.First, s.bank, wrapped[:len(wrapped)-1])
		s.refused(s.First, s.bank, []byte("nothing that was wrapped"))
		s.refused(s.First, s.bank, []byte{1})
	}},
	{"limits", "ErrInvalid: the data key or the bank id is empty or too long.", func(s *suite) {
		s.mustBeInvalid(s.bank, nil)
		s.mustBeInvalid(s.bank, make([]byte, keywrap.MaxPlainBytes+1))
		s.mustBeInvalid("", s.plain)
		s.mustBeInvalid(strings.Repeat("b", keywrap.MaxBankBytes+1), s.plain)
		if _, err := s.First.Unwrap(s.ctx, "", s.wrap(s.First)); !errors.Is(err, keywrap.ErrInvalid) {
			s.Errorf("unwrap for no bank: %v", err)
		}
	}},
	{"concurrent", "Methods may be called concurrently;", func(s *suite) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				wrapped, err := s.First.Wrap(s.ctx, s.bank, s.plain)
				if err != nil {
					s.Errorf("wrap: %v", err)
					return
				}
				if plain, err := s.Second.Unwrap(s.ctx, s.bank, wrapped); err != nil || !bytes.Equal(plain, s.plain) {
					s.Errorf("unwrapped %x, %v", plain, err)
				}
			})
		}
		all.Wait()
	}},
	{"deadline", "every call obeys its context's deadline.", func(s *suite) {
		wrapped := s.wrap(s.First)
		over, cancel := context.WithCancel(s.ctx)
		cancel()
		if _, err := s.First.Wrap(over, s.bank, s.plain); !errors.Is(err, context.Canceled) {
			s.Errorf("wrap: %v", err)
		}
		if _, err := s.First.Unwrap(over, s.bank, wrapped); !errors.Is(err, context.Canceled) {
			s.Errorf("unwrap: %v", err)
		}
	}},
}

func (s *suite) wrap(by keywrap.Wrapper) []byte {
	s.Helper()
	wrapped, err := by.Wrap(s.ctx, s.bank, s.plain)
	if err != nil {
		s.Fatalf("wrap: %v", err)
	}
	return wrapped
}

func (s *suite) refused(by keywrap.Wrapper, bank string, wrapped []byte) {
	s.Helper()
	if plain, err := by.Unwrap(s.ctx, bank, wrapped); !errors.Is(err, keywrap.ErrRefused) || plain != nil {
		s.Errorf("unwrapped %x, %v; want ErrRefused", plain, err)
	}
}

func (s *suite) mustBeInvalid(bank string, plain []byte) {
	s.Helper()
	if _, err := s.First.Wrap(s.ctx, bank, plain); !errors.Is(err, keywrap.ErrInvalid) {
		s.Errorf("wrap %d bytes for a bank id of %d: %v, want ErrInvalid", len(plain), len(bank), err)
	}
}
