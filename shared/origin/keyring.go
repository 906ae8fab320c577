package origin

import (
	"context"
	"fmt"

	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/table"
)

// Keyring returns the data keys of the control table, unwrapped. The newest of them signs.
func Keyring(ctx context.Context, t table.Table, w keywrap.Wrapper, bank string) (*event.Keyring, error) {
	keys, err := tableKeys(ctx, t, bank)
	if err != nil {
		return nil, err
	}
	return keyring(ctx, w, bank, keys)
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
