package keywrap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
)

// onceMost bounds the data keys that Once keeps.
const onceMost = 1024

// Once returns a Wrapper that unwraps each data key once and keeps it: all parts of a process share
// one call for each key. Failures are not kept.
func Once(w Wrapper) Wrapper { return &once{Wrapper: w, keys: map[[sha256.Size]byte]*onceKey{}} }

type once struct {
	Wrapper
	mu   sync.Mutex
	keys map[[sha256.Size]byte]*onceKey
}

// onceKey is a data key, nil until it was unwrapped. turn has an element while somebody looks.
type onceKey struct {
	turn  chan struct{}
	plain []byte
}

// Unwrap implements Wrapper.
func (o *once) Unwrap(ctx context.Context, bank string, wrapped []byte) ([]byte, error) {
	k := o.key(bank, wrapped)
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if k.plain != nil {
		return bytes.Clone(k.plain), nil
	}
	plain, err := o.Wrapper.Unwrap(ctx, bank, wrapped)
	if err == nil {
		k.plain = bytes.Clone(plain)
	}
	return plain, err
}

// key returns what is kept of a wrapped key of a bank.
func (o *once) key(bank string, wrapped []byte) *onceKey {
	name := sha256.Sum256(append([]byte(bank+"\x00"), wrapped...))
	o.mu.Lock()
	defer o.mu.Unlock()
	k := o.keys[name]
	if k == nil {
		if len(o.keys) >= onceMost {
			clear(o.keys)
		}
		k = &onceKey{turn: make(chan struct{}, 1)}
		o.keys[name] = k
	}
	return k
}
