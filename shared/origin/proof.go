package origin

import (
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

// Proof shows which entries of an archive are the bank's.
type Proof struct {
	// Bank is the bank's id, "" where nothing names it.
	Bank string
	// Keys check macs. They are nil in a bank that was never switched to them.
	Keys *event.Keyring
	// Heads are the last entries of each account from before macs. They are nil in a bank that was
	// never switched, or is being switched: entries without a mac are accepted then.
	Heads *Heads

	// load loads the data keys again: the bank may be switched, or make a key, while a job reads
	// its archive. newer are the keys that were loaded last, at loaded.
	load   func(context.Context) (*Proof, error)
	mu     sync.Mutex
	newer  *event.Keyring
	loaded time.Time
}

// reloadEvery is how long keys that were loaded are not loaded again.
const reloadEvery = time.Second

// LoadProof loads the proof of a bank: from its control table, or, if t is nil or the table knows
// of no switch, from the copies in the bucket.
func LoadProof(ctx context.Context, t table.Table, b bucket.Bucket, w keywrap.Wrapper) (*Proof, error) {
	load := func(ctx context.Context) (*Proof, error) { return loadProof(ctx, t, b, w) }
	p, err := load(ctx)
	if err == nil {
		p.load = load
	}
	return p, err
}

// verifyMAC verifies the mac of an entry. It loads the keys again before it calls one under an
// unknown key foreign.
func (p *Proof) verifyMAC(ctx context.Context, e *event.Entry) error {
	err := verifyWith(p.Keys, e)
	var unknown *event.UnknownKeyError
	if err == nil || p.load == nil || !errors.As(err, &unknown) {
		return err
	}
	keys, failed := p.reload(ctx)
	if failed != nil {
		return failed
	}
	return verifyWith(keys, e)
}

// verifyWith verifies the mac of an entry. Without keys it is under an unknown key.
func verifyWith(keys *event.Keyring, e *event.Entry) error {
	if keys == nil {
		return &event.UnknownKeyError{Key: e.MAC.Key}
	}
	return keys.Verify(e.Hash, e.MAC)
}

// reload returns the keys as they were at most reloadEvery ago.
func (p *Proof) reload(ctx context.Context) (*event.Keyring, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.loaded) < reloadEvery {
		return p.newer, nil
	}
	now, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	p.newer, p.loaded = now.Keys, time.Now()
	return p.newer, nil
}

func loadProof(ctx context.Context, t table.Table, b bucket.Bucket, w keywrap.Wrapper) (*Proof, error) {
	var bank Bank
	var err error
	if t != nil {
		bank, err = ReadBank(ctx, t)
	}
	if err != nil {
		return nil, err
	}
	if bank.Format < event.SignedFormat {
		return proofOfBucket(ctx, b, w, bank.ID)
	}
	err = bank.CheckFormat(event.Format)
	if err != nil {
		return nil, err
	}
	p := &Proof{Bank: bank.ID}
	p.Keys, err = Keyring(ctx, t, w, bank.ID)
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
	p.Keys, err = keyring(ctx, w, p.Bank, copies)
	if err == nil {
		p.Heads, err = NewestHeads(ctx, b, p.Bank, p.Keys)
	}
	begun := false // the switch has only begun
	if err == nil && p.Heads == nil && id != "" {
		begun, err = noManifest(ctx, b)
	}
	switch {
	case begun && err == nil:
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

// noManifest reports whether nothing is stored where manifests are.
func noManifest(ctx context.Context, b bucket.Bucket) (bool, error) {
	for _, err := range objects(ctx, b, headsDir) {
		return false, err
	}
	return true, nil
}
