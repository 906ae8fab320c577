package origin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/table"
)

// Proof shows which entries of an archive are the bank's.
type Proof struct {
	// Bank is the bank's id, "" where nothing names it.
	Bank string
	// Keys check macs. They are nil in a bank that was never switched to them.
	Keys *event.Keyring
	// Heads are the last entries of each account from before macs. They are nil in a bank that was
	// never switched, or is being switched: entries without a mac are accepted then.
	Heads *Heads
}

// signedFormat is the first entry format with macs.
const signedFormat = 2

// LoadProof loads the proof of a bank: from its control table, or, if t is nil or the table knows
// of no switch, from the copies in the bucket.
func LoadProof(ctx context.Context, t table.Table, b bucket.Bucket, w keywrap.Wrapper) (*Proof, error) {
	var bank Bank
	var err error
	if t != nil {
		bank, err = ReadBank(ctx, t)
	}
	if err != nil {
		return nil, err
	}
	if bank.Format < signedFormat {
		return proofOfBucket(ctx, b, w, bank.ID)
	}
	err = bank.CheckFormat(event.Format)
	if err != nil {
		return nil, err
	}
	keys, err := tableKeys(ctx, t, bank.ID)
	if err != nil {
		return nil, err
	}
	p := &Proof{Bank: bank.ID}
	p.Keys, err = ringOf(ctx, w, bank.ID, keys)
	if err == nil && !bank.Switching() {
		p.Heads, err = LoadHeads(ctx, b, bank.Heads)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// proofOfBucket loads a proof from the copies in the bucket. There are none if the bank was never
// switched. id is the bank's, "" if there is no table that has it.
func proofOfBucket(ctx context.Context, b bucket.Bucket, w keywrap.Wrapper, id string) (*Proof, error) {
	known, err := bankOfCopies(ctx, b)
	if err != nil {
		return nil, err
	}
	p := &Proof{Bank: id}
	if known == "" {
		return p, nil
	}
	if id == "" {
		p.Bank = known
	}
	copies, err := bucketKeys(ctx, b, p.Bank)
	if err != nil {
		return nil, err
	}
	p.Keys, err = ringOf(ctx, w, p.Bank, copies)
	if err == nil {
		p.Heads, err = NewestHeads(ctx, b, p.Bank, p.Keys)
	}
	switch {
	case err == nil && p.Heads == nil && id != "": // the switch has only begun
		return &Proof{Bank: id}, nil
	case err == nil && p.Heads == nil:
		err = &Refusal{
			What: fmt.Sprintf("the bucket has data keys of bank %s, and no manifest under %s that they signed: nothing shows which entries without a mac are the bank's",
				p.Bank, headsDir),
			Next: "put back the manifest as it was first written; while the bank is being switched, ask the running bank, or complete bank upgrade first",
		}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// bankOfCopies returns the id of the bank whose first data key the bucket has a copy of, "" for
// none.
func bankOfCopies(ctx context.Context, b bucket.Bucket) (string, error) {
	object, err := b.Open(ctx, copyKey(1))
	if errors.Is(err, bucket.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", copyKey(1), err)
	}
	defer object.Close()
	var k WrappedKey
	text, err := io.ReadAll(io.NewSectionReader(object, 0, maxCopy))
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil || k.Bank == "" {
		return "", fmt.Errorf("%s in the bucket is no copy of a data key: put back the object as it was first written", copyKey(1))
	}
	return k.Bank, nil
}

// ringOf returns data keys of a bank as a keyring, unwrapped.
func ringOf(ctx context.Context, w keywrap.Wrapper, bank string, keys []WrappedKey) (*event.Keyring, error) {
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
