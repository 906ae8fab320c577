package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/access"
	"passbook/shared/backoff"
	"passbook/shared/control"
	"passbook/shared/table"
	"passbook/shared/telemetry"
)

const (
	// pollEvery is the time between two readings of the count of changes.
	pollEvery = time.Second
	// readTimeout bounds one call of a reading, for a row or a page of at most 1 MB, and
	// patientTimeout one at a start or in a job, which may wait for a slow store.
	readTimeout    = 2 * time.Second
	patientTimeout = 15 * time.Second
	// GoodFor is how long keys are good after the last reading that succeeded.
	GoodFor = time.Minute
)

// The refusals. They are made once, so that a wrong key costs no memory.
var (
	errMalformed = fmt.Errorf("%w: not in the form of an API key", access.ErrInvalid)
	errUnknown   = fmt.Errorf("%w: no API key has this id", access.ErrInvalid)
	errSecret    = fmt.Errorf("%w: an API key with another secret", access.ErrInvalid)
	errRevoked   = fmt.Errorf("%w: an API key that was revoked", access.ErrInvalid)
	errExpired   = fmt.Errorf("%w: an API key that has expired", access.ErrExpired)
	errStale     = fmt.Errorf("%w: the API keys could not be read for %v", access.ErrUnavailable, GoodFor)
)

// Config configures a Keeper. Table is required.
type Config struct {
	Table table.Table
	// Metrics gets the number of keys and the readings that failed; nil counts nothing.
	Metrics prometheus.Registerer
	// Log gets the readings that failed; nil is slog.Default.
	Log *slog.Logger
}

// Keeper has the keys of a bank in memory and checks credentials by them. It is an
// access.Authenticator, and safe for concurrent use.
type Keeper struct {
	config Config
	failed atomic.Int64
	now    atomic.Pointer[reading]
	// used says that a key was used for the first time on a day, since that was logged.
	used atomic.Bool
}

// reading is what a Keeper knows. It does not change.
type reading struct {
	// at is when the reading began that found the keys as they are.
	at      time.Time
	changes int64
	// settled says that the keys were listed again after the reading that found the count changed.
	settled bool
	keys    map[string]*held
}

// held is a key in memory.
type held struct {
	sum       Sum
	revoked   time.Time
	principal access.Principal
	usage     *usage // the same after the keys were listed again
}

// usage is when a key was last used in this process, and the last use that was logged, as days
// since 1970.
type usage struct{ last, logged atomic.Int64 }

// day returns the days since 1970 of a time, in UTC.
func day(at time.Time) int64 { return at.Unix() / (24 * 60 * 60) }

// Open reads the keys of a bank.
func Open(ctx context.Context, c Config) (*Keeper, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	k := &Keeper{config: c}
	k.now.Store(&reading{changes: -1})
	if err := k.read(ctx, table.WithTimeout(c.Table, patientTimeout)); err != nil {
		return nil, err
	}
	if c.Metrics != nil {
		telemetry.Gauge(c.Metrics, "apikeys", "API keys, ended ones included.", func() float64 { return float64(len(k.now.Load().keys)) })
		telemetry.Gauge(c.Metrics, "apikey_age_seconds", "Age of what this process knows of the API keys; at 60 it refuses all of them.",
			func() float64 { return time.Since(k.now.Load().at).Seconds() })
		telemetry.Counter(c.Metrics, "apikey_failures_total", "Readings of the API keys that failed.", func() float64 { return float64(k.failed.Load()) })
	}
	return k, nil
}

// Run reads the count of changes every second until ctx ends, and the keys when it has changed. It
// logs each key that is used, once a day. It returns nil: what fails is repeated.
func (k *Keeper) Run(ctx context.Context) error {
	tables := table.WithTimeout(k.config.Table, readTimeout)
	for backoff.Sleep(ctx, pollEvery) == nil {
		if err := k.read(ctx, tables); err != nil && ctx.Err() == nil {
			k.failed.Add(1)
			k.config.Log.Warn("the API keys cannot be read; the known ones are good for a minute after the last reading; trying again", "error", err,
				"last", k.now.Load().at.UTC().Format(time.RFC3339))
		}
		k.logUses()
	}
	return nil
}

// read makes sure that the keys are as the table has them.
func (k *Keeper) read(ctx context.Context, t table.Table) error {
	was, began := k.now.Load(), time.Now()
	changes, err := countChanges(ctx, t)
	if err != nil {
		return err
	}
	if changes == was.changes && was.settled {
		k.now.Store(&reading{at: began, changes: changes, settled: true, keys: was.keys})
		return nil
	}
	// The count and a key are written in one transaction, but a list may show it by halves. So a
	// second list follows with the next reading: a revocation must not be missed.
	all, err := read(ctx, t)
	if err != nil {
		return err
	}
	for _, damaged := range all.damaged {
		k.config.Log.Error("an API key is refused", "error", damaged)
	}
	if len(all.keys) > MaxKeys {
		return fmt.Errorf("%w: %d in the control table, more than %d: remove those that nobody made with bank key create", ErrTooMany, len(all.keys), MaxKeys)
	}
	keys := make(map[string]*held, len(all.keys))
	for _, key := range all.keys {
		use := &usage{}
		if before := was.keys[key.ID]; before != nil {
			use = before.usage
		}
		keys[key.ID] = hold(key, use)
	}
	k.now.Store(&reading{at: began, changes: changes, settled: changes == was.changes, keys: keys})
	return nil
}

// countChanges reads how often keys were changed.
func countChanges(ctx context.Context, t table.Table) (int64, error) {
	row, err := control.APIKeys(t).Get(ctx, control.ChangesKey)
	if errors.Is(err, table.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the count of changes of the API keys: %w", err)
	}
	return row.Attrs.Number("rev"), nil
}

// hold returns a key as it is kept in memory.
func hold(k Key, use *usage) *held {
	return &held{
		sum: k.Sum, revoked: k.Revoked, usage: use,
		principal: access.Principal{Actor: k.Actor(), Tenant: k.Tenant, Scopes: k.Scopes, AllTenants: k.AllTenants, Expires: k.Expires},
	}
}

// Authenticate returns who calls with a key. Ids are no secret, so an unknown one is refused
// before its secret is compared.
func (k *Keeper) Authenticate(_ context.Context, bearer string) (*access.Principal, error) {
	id, sum, ok := parse(bearer)
	if !ok {
		return nil, errMalformed
	}
	known, now := k.now.Load(), time.Now()
	if now.Sub(known.at) > GoodFor {
		return nil, errStale
	}
	key := known.keys[id]
	switch {
	case key == nil:
		return nil, errUnknown
	case subtle.ConstantTimeCompare(sum[:], key.sum[:]) != 1:
		return nil, errSecret
	case !key.revoked.IsZero():
		return nil, errRevoked
	case !key.principal.Expires.IsZero() && !now.Before(key.principal.Expires):
		return nil, errExpired
	}
	if today := day(now); key.usage.last.Load() != today {
		key.usage.last.Store(today)
		k.used.Store(true)
	}
	return &key.principal, nil
}

// logUses logs the keys that were used for the first time on a day. So it shows whether one is
// still in use, without a write to a table.
func (k *Keeper) logUses() {
	if !k.used.Swap(false) {
		return
	}
	for id, key := range k.now.Load().keys {
		if last := key.usage.last.Load(); last != key.usage.logged.Swap(last) {
			k.config.Log.Info("an API key is in use", "key", id, "tenant", key.principal.Tenant, "scopes", key.principal.Scopes.String())
		}
	}
}

// LastUsed returns the day on which this process last saw a key, in UTC; zero if it has not.
func (k *Keeper) LastUsed(id string) time.Time {
	key := k.now.Load().keys[id]
	if key == nil || key.usage.last.Load() == 0 {
		return time.Time{}
	}
	return time.Unix(key.usage.last.Load()*24*60*60, 0).UTC()
}

// Known returns how many keys there are, ended ones included.
func (k *Keeper) Known() int { return len(k.now.Load().keys) }
