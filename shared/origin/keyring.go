package origin

import (
	"context"
	"fmt"
	"slices"

	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/table"
)

// Keyring returns the data keys of the control table, unwrapped.
func Keyring(ctx context.Context, t table.Table, w keywrap.Wrapper, bank string) (*event.Keyring, error) {
	keys, err := tableKeys(ctx, t, bank)
	if err != nil {
		return nil, err
	}
	return keyring(ctx, w, bank, keys)
}

// SigningKeyring returns the data keys up to the one that the bank's row names, which signs.
func SigningKeyring(ctx context.Context, t table.Table, w keywrap.Wrapper, bank Bank) (*event.Keyring, error) {
	keys, err := tableKeys(ctx, t, bank.ID)
	if err != nil {
		return nil, err
	}
	return keyring(ctx, w, bank.ID, slices.DeleteFunc(keys, func(k WrappedKey) bool { return k.ID > bank.Key }))
}

// keyring returns data keys of a bank, unwrapped.
func keyring(ctx context.Context, w keywrap.Wrapper, bank string, keys []WrappedKey) (*event.Keyring, error) {
	plain, err := unwrap(ctx, w, bank, keys)
	if err != nil {
		return nil, err
	}
	ring, err := event.NewKeyring(bank, plain)
	if err != nil {
		return nil, fmt.Errorf("data keys of bank %s: %w", bank, err)
	}
	return ring, nil
}
