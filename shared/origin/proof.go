package origin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/table"
)

// Proof shows which entries of an archive are the bank's. It is safe for concurrent use.
type Proof struct {
	// Bank is the bank's id, "" where nothing names it.
	Bank string
	// Keys check macs. They are nil in a bank that was never switched to them.
	Keys *event.Keyring
	// Heads are the last entries of each account from before macs. They are nil in a bank that was
	// never switched, or is being switched: entries without a mac are accepted then.
	Heads *Heads

	// load reads the data keys again; nil does not.
	load func(ctx context.Context) (*event.Keyring, error)

	mu     sync.Mutex
	newer  *event.Keyring // what load returned last, which was at the time loaded
	loaded time.Time
}

// newProof returns a proof with the keys that load returns now. A key that is made while a job runs
// is loaded when an entry names it.
func newProof(ctx context.Context, bank string, load func(ctx context.Context) (*event.Keyring, error)) (p *Proof, err error) {
	p = &Proof{Bank: bank, load: load, loaded: time.Now()}
	p.Keys, err = load(ctx)
	return p, err
}

// verifyMAC checks the mac of an entry. A key that is not known yet is looked for, at most once in
// pollEvery: writers sign with it only settleFor after it was there.
func (p *Proof) verifyMAC(ctx context.Context, e *event.Entry) error {
	err := p.Keys.Verify(e.Hash, e.MAC)
	var unknown *event.UnknownKeyError
	if !errors.As(err, &unknown) || p.load == nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.loaded) > pollEvery {
		keys, failed := p.load(ctx)
		if failed != nil {
			return failed
		}
		p.newer, p.loaded = keys, time.Now()
	}
	if p.newer != nil {
		err = p.newer.Verify(e.Hash, e.MAC)
	}
	return err
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
	p, err := newProof(ctx, bank.ID, func(ctx context.Context) (*event.Keyring, error) { return Keyring(ctx, t, w, bank.ID) })
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
	known, err := BucketBank(ctx, b)
	if err != nil {
		return nil, err
	}
	if known == "" {
		return &Proof{Bank: id}, nil
	}
	bank := cmp.Or(id, known)
	p, err := newProof(ctx, bank, func(ctx context.Context) (*event.Keyring, error) {
		copies, err := bucketKeys(ctx, b, bank)
		if err != nil {
			return nil, err
		}
		return keyring(ctx, w, bank, copies)
	})
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
