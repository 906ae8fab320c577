package backups

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"passbook/shared/backup"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/progress"
	"passbook/shared/table"
)

// measure counts the accounts and events of a journal, and sums the newest entry of each account.
func measure(ctx context.Context, t table.Table, facts *backup.Facts, p *progress.Tracker) error {
	p.Begin("heads", "accounts", 0)
	reader, sum := journal.NewReader(t), sha256.New()
	facts.Accounts, facts.Events = 0, 0
	for _, part := range []byte(event.HashBuckets) {
		for after := ""; ; {
			accounts, next, err := reader.Accounts(ctx, part, after)
			if err != nil {
				return err
			}
			for _, a := range accounts {
				if err := addHead(ctx, reader, a, facts, sum); err != nil {
					return err
				}
			}
			p.Add(int64(len(accounts)))
			if after = next; next == "" {
				break
			}
		}
	}
	facts.Heads = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// addHead adds the newest entry of an account.
func addHead(ctx context.Context, reader *journal.Reader, a event.Account, facts *backup.Facts, sum hash.Hash) error {
	for e, err := range reader.Backward(ctx, a, 0) {
		if err != nil {
			return fmt.Errorf("newest entry of %s: %w", a, err)
		}
		facts.Accounts++
		facts.Events += e.Last
		_, err = fmt.Fprintf(sum, "%s %d %s\n", a, e.Last, e.Hash)
		return err
	}
	return nil
}
