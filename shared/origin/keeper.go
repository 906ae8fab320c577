package origin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/backoff"
	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/table"
	"passbook/shared/telemetry"
)

const (
	// pollEvery is the time between two reads of the bank's row.
	pollEvery = time.Second
	// freshFor is how old a reading may be that calls an entry foreign.
	freshFor = 2 * time.Second
	// settleFor is how long a writer has known a key before it signs with it. It is longer than
	// freshFor: then a reading that is fresh enough to call an entry foreign began after the key
	// was there.
	settleFor = 3 * time.Second
	// readTimeout bounds a reading: a row, and at most a few calls for keys.
	readTimeout = 10 * time.Second
)

// errNoBank: the tables belong to no bank yet, so that no entry can be called foreign.
var errNoBank = errors.New("the tables belong to no bank yet: start the archiver, or run: bank resources --store aws")

// History is the journal as a Keeper reads it.
type History interface {
	// Backward yields an account's entries newest first, from the one that has a version. A row
	// that is no entry is event.ErrDamaged, and one of a newer format an *event.FormatError.
	Backward(ctx context.Context, a event.Account, from int64) iter.Seq2[*event.Entry, error]
}

// Config configures a Keeper. Table, Keys and Journal are required.
type Config struct {
	Table table.Table
	// Keys unwraps the bank's data keys.
	Keys keywrap.Wrapper
	// Journal is asked whether it has an entry of format 1, once that proves nothing by itself.
	Journal History
	// Metrics gets the format, the key and the readings that failed; nil counts nothing.
	Metrics prometheus.Registerer
	// Log gets the readings that failed, and what changes; nil is slog.Default.
	Log *slog.Logger
}

// Keeper knows the bank of a running process: the format of its entries, and its data keys. It
// gives writers the format and signs their entries, and checks those that readers get. It is safe
// for concurrent use.
type Keeper struct {
	config Config
	failed atomic.Int64

	now atomic.Pointer[reading]

	// turn has an element while the rows are read. failure is why a reading failed at the time
	// failedAt; those who come within pollEvery share it.
	turn     chan struct{}
	failure  error
	failedAt time.Time
}

// reading is what a Keeper knows. It does not change.
type reading struct {
	began time.Time // when the rows were read
	bank  Bank
	// plain are the data keys by id, and since the time from which each may be signed with that the
	// bank's row has named. unloaded is why those keys are not complete.
	plain map[int][]byte
	since map[int]time.Time

	unloaded error
	// checks has all keys, signs those up to the one that signs; nil without any.
	checks, signs *event.Keyring
	// format is the format of new entries.
	format int
}

// Open reads the bank's row and its data keys. It fails with a Refusal if the bank's entries have a
// newer format than this program knows.
func Open(ctx context.Context, c Config) (*Keeper, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	k := &Keeper{config: c, turn: make(chan struct{}, 1)}
	k.now.Store(&reading{format: 1})
	now, err := k.read(ctx)
	if err == nil {
		err = now.settle(ctx)
	}
	if err != nil {
		return nil, err
	}
	if c.Metrics != nil {
		telemetry.Gauge(c.Metrics, "origin_entry_format", "Format of new entries.", func() float64 { return float64(k.Format()) })
		telemetry.Gauge(c.Metrics, "origin_key", "Id of the data key that signs; 0 without one.", func() float64 { return float64(k.now.Load().signer()) })
		telemetry.Counter(c.Metrics, "origin_failures_total", "Readings of the bank's row and data keys that failed.", func() float64 { return float64(k.failed.Load()) })
	}
	return k, nil
}

// Run reads the bank's row every second until ctx ends. It returns a Refusal when the bank's
// entries have a newer format than this program knows; any other failure is repeated.
func (k *Keeper) Run(ctx context.Context) error {
	for backoff.Sleep(ctx, pollEvery) == nil {
		_, err := k.read(ctx)
		var refused *Refusal
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.As(err, &refused) && refused.ends:
			return err
		default:
			k.failed.Add(1)
			k.config.Log.Warn("the bank's row and data keys cannot be read; trying again", "error", err)
		}
	}
	return nil
}

// Bank returns the bank's id, "" where the tables belong to no bank yet.
func (k *Keeper) Bank() string { return k.now.Load().bank.ID }

// Format returns the format of new entries.
func (k *Keeper) Format() int { return k.now.Load().format }

// BankFormat returns the newest format that the bank's entries may have, also while its key has yet
// to become known and Format is older.
func (k *Keeper) BankFormat() int { return max(k.now.Load().bank.Format, 1) }

// Sign returns the mac of a new entry with a hash. It MUST be called only after Format was 2 or
// more.
func (k *Keeper) Sign(h event.Hash) event.MAC { return k.now.Load().signs.Sign(h) }

// settle waits until every reader knows the only key of a bank that was just switched: its entries
// have no other format and no other key. Readers of a bank that has just begun know that they do
// not know it.
func (r *reading) settle(ctx context.Context) error {
	wait := settleFor - time.Since(r.bank.KeySince)
	if r.bank.Key != FirstKey || r.bank.Switching() || r.bank.KeySince.Equal(r.bank.Since) || wait <= 0 || wait > settleFor {
		return nil
	}
	return backoff.Sleep(ctx, wait)
}

// read reads the bank's row, and the data keys that it has not read yet. There may be a reading
// beside an error: what is known without the keys that could not be read.
func (k *Keeper) read(ctx context.Context) (*reading, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return k.readAlone(ctx)
}

// readAlone does what read does, for the one whose turn it is.
func (k *Keeper) readAlone(ctx context.Context) (now *reading, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	defer func() {
		if k.failure = err; err != nil {
			k.failedAt = time.Now()
		}
	}()
	was, began := k.now.Load(), time.Now()
	bank, err := ReadBank(ctx, k.config.Table)
	if err == nil {
		err = bank.CheckFormat(event.Format)
	}
	if err != nil {
		return nil, err
	}
	if was.bank.ID != "" && was.bank.ID != bank.ID { // claimed: nothing is known of this one
		was = &reading{began: was.began, format: 1}
	}
	now = &reading{began: began, bank: bank, plain: was.plain, checks: was.checks, signs: was.signs, format: was.format}
	now.since = now.usable(was)
	if bank.Key > 0 && now.plain[bank.Key] == nil {
		now.unloaded = now.loadKeys(ctx, k.config)
	}
	if now.unloaded == nil {
		if err := now.choose(); err != nil {
			return nil, err
		}
	}
	k.report(was, now)
	k.now.Store(now)
	return now, now.unloaded
}

// report logs what has changed.
func (k *Keeper) report(was, now *reading) {
	if was.bank.ID != "" && (now.format != was.format || now.signer() != was.signer()) {
		k.config.Log.Info("new entries have another format or key", "bank", now.bank.ID, "format", now.format, "key", now.signer())
	}
}

// fresh returns a reading that began at most freshFor ago. It may lack keys that could not be read.
func (k *Keeper) fresh(ctx context.Context) (*reading, error) {
	if now := k.now.Load(); time.Since(now.began) <= freshFor {
		return now, nil
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if now := k.now.Load(); time.Since(now.began) <= freshFor { // another goroutine was first
		return now, nil
	}
	if k.failure != nil && time.Since(k.failedAt) < pollEvery {
		return nil, k.failure
	}
	now, err := k.readAlone(ctx)
	if now != nil {
		return now, nil
	}
	return nil, err
}

// loadKeys reads the data keys of the bank and unwraps them.
func (r *reading) loadKeys(ctx context.Context, c Config) error {
	keys, err := tableKeys(ctx, c.Table, r.bank.ID)
	if err != nil {
		return err
	}
	plain, err := unwrap(ctx, c.Keys, r.bank.ID, keys)
	if err != nil {
		return err
	}
	if plain[r.bank.Key] == nil {
		return noKey(r.bank)
	}
	checks, err := event.NewKeyring(r.bank.ID, plain)
	if err == nil {
		r.plain, r.checks = plain, checks
	}
	return err
}

// noKey returns the Refusal of a bank whose row names a data key that is gone.
func noKey(bank Bank) error {
	return &Refusal{
		What: fmt.Sprintf("the control table has no data key %d of bank %s", bank.Key, bank.ID),
		Next: fmt.Sprintf("restore its row key / %d from a backup of the control table, or from %s in the archive", bank.Key, copyKey(bank.Key)),
	}
}

// unwrap returns the data keys in plain text by id.
func unwrap(ctx context.Context, w keywrap.Wrapper, bank string, keys []WrappedKey) (map[int][]byte, error) {
	plain := make(map[int][]byte, len(keys))
	for _, key := range keys {
		var err error
		if plain[key.ID], err = w.Unwrap(ctx, bank, key.Wrapped); err != nil {
			return nil, fmt.Errorf("data key %d: %w", key.ID, err)
		}
	}
	return plain, nil
}

// usable returns the time from which each key that the bank's row has named may be signed with:
// settleFor after the reading that first saw it named. Those before the newest were named before
// this process began.
func (r *reading) usable(was *reading) map[int]time.Time {
	since := make(map[int]time.Time, r.bank.Key)
	for id := 1; id <= r.bank.Key; id++ {
		at, known := was.since[id]
		switch {
		case known:
			since[id] = at
		case was.bank.ID == "" && id < r.bank.Key:
			since[id] = r.began
		default:
			since[id] = r.began.Add(settleFor)
		}
	}
	return since
}

// choose sets the format of new entries, and the keyring that signs: that of the newest key which
// every reader knows. A bank that was never at format 1 has no other: its first entry is signed
// with a key that no reader can know longer. While a bank switches, entries have format 1 as long
// as there is no such key.
func (r *reading) choose() error {
	if r.bank.Format < 2 || r.format >= 2 && r.signs.Newest() == r.bank.Key {
		return nil
	}
	best := 0
	for id, at := range r.since {
		if !r.began.Before(at) {
			best = max(best, id)
		}
	}
	switch {
	case best == 0 && (r.bank.Switching() || r.signs != nil):
		return nil
	case best == 0:
		best = r.bank.Key
	}
	keys := make(map[int][]byte, len(r.plain))
	for id, plain := range r.plain {
		if id <= best {
			keys[id] = plain
		}
	}
	signs, err := event.NewKeyring(r.bank.ID, keys)
	if err == nil {
		r.signs, r.format = signs, r.bank.Format
	}
	return err
}

// signer returns the id of the key that signs, 0 without one.
func (r *reading) signer() int {
	if r.signs == nil {
		return 0
	}
	return r.signs.Newest()
}
