package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"passbook/shared/stream"
)

// admin is what the embedded engine's streams can do beyond the port.
type admin interface {
	Split(ctx context.Context, stream, shard string) error
	Merge(ctx context.Context, stream, shard, adjacent string) error
}

// change merges the first two open shards that lie beside each other, and splits another.
func change(ctx context.Context, streams admin, name string, shards []stream.Shard) error {
	a, b, err := neighbours(shards)
	if err != nil {
		return err
	}
	if err := streams.Merge(ctx, name, a, b); err != nil {
		return err
	}
	for _, s := range shards {
		if !s.Closed && s.ID != a && s.ID != b {
			fmt.Printf("merged %s and %s, split %s\n", a, b, s.ID)
			return streams.Split(ctx, name, s.ID)
		}
	}
	return errors.New("no third open shard to split")
}

// neighbours returns two open shards whose hash keys adjoin.
func neighbours(shards []stream.Shard) (a, b string, err error) {
	for _, low := range shards {
		for _, high := range shards {
			if !low.Closed && !high.Closed && new(big.Int).Add(low.LastHash, big.NewInt(1)).Cmp(high.FirstHash) == 0 {
				return low.ID, high.ID, nil
			}
		}
	}
	return "", "", errors.New("no two open shards adjoin")
}
