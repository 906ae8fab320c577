package forgetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
)

// Upgraded returns entries of a bank as they would be if it had been switched to macs after the
// first n of them: the others have macs, and the chains are whole.
func Upgraded(entries []*event.Entry, n int, keys event.Signer) []*event.Entry {
	tips := map[event.Account]event.Hash{}
	all := make([]*event.Entry, len(entries))
	for i, e := range entries {
		c := *e
		c.Format, c.Prev = 1, tips[e.Account()]
		if i >= n {
			c.Format = 2
		}
		seal(&c, keys)
		tips[e.Account()], all[i] = c.Hash, &c
	}
	return all
}

// Heads writes and reads the manifest of a bank's heads from before macs.
func Heads(ctx context.Context, b bucket.Bucket, bank string, keys *event.Keyring, entries []*event.Entry) (*origin.Heads, error) {
	heads := map[string]origin.Head{}
	for _, e := range entries {
		if !e.Signed() {
			heads[e.Account().String()] = origin.Head{Account: e.Account(), Version: e.Last, Hash: e.Hash}
		}
	}
	m := origin.NewManifest(b, bank, 2, keys)
	for _, h := range sorted(heads) {
		err := m.Add(ctx, h)
		if err != nil {
			return nil, err
		}
	}
	sum, err := m.Close(ctx)
	if err != nil {
		return nil, err
	}
	return origin.LoadHeads(ctx, b, sum)
}

func sorted(heads map[string]origin.Head) []origin.Head {
	all := make([]origin.Head, 0, len(heads))
	for _, h := range heads {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b origin.Head) int { return cmp.Compare(a.Account.String(), b.Account.String()) })
	return all
}

func seal(e *event.Entry, keys event.Signer) {
	_, err := event.Seal(e, keys)
	if err != nil {
		panic(fmt.Sprintf("forgetest: %v", err))
	}
}
