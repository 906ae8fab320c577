package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/shared/platform"
)

// Contender is a server under a load.
type Contender interface {
	// Name returns what the report calls it.
	Name() string
	// Address returns the host:port of its HTTP API.
	Address() string
	// Open opens the accounts 0 to n-1 with funds.
	Open(ctx context.Context, n int) error
	// CPU returns the processor time of all its processes so far.
	CPU() time.Duration
	// Memory returns what its processes have in memory, and the most that they ever had.
	Memory() (resident, peak int64)
	// Disk returns the bytes of its data.
	Disk() int64
	// CaughtUp waits until everything that was answered can be read, and until it is archived where
	// the contender archives, and returns when either was.
	CaughtUp(ctx context.Context, l *Load) (rows, archive time.Time, err error)
	// Profile writes a CPU profile, if the contender can.
	Profile(ctx context.Context, file string, d time.Duration) error
	Stop() error
}

// bank is a Passbook under a load.
type bank struct {
	*driver.Bank
	name, data string
}

// startBank starts a bank on new data.
func startBank(ctx context.Context, name, binary string, flags []string) (Contender, error) {
	data, err := os.MkdirTemp("", "passbook-bench-")
	if err != nil {
		return nil, err
	}
	b, err := driver.Start(ctx, binary, data, platform.AuthDev, flags...)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	return &bank{Bank: b, name: name, data: data}, nil
}

// Name returns what the report calls the bank.
func (b *bank) Name() string { return b.name }

// Address returns where the bank listens.
func (b *bank) Address() string { return b.Bank.Address }

// Stop stops the bank and removes its data.
func (b *bank) Stop() error { return errors.Join(b.Bank.Stop(), os.RemoveAll(b.data)) }

// Disk returns the bytes of the files of the data directory.
func (b *bank) Disk() int64 { return size(b.data) }

// size returns the bytes of the files below a directory; files that go while it reads are left out.
func size(dir string) (all int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			all += info.Size()
		}
		return nil
	})
	return all
}

// Open opens accounts with funds by bulk.
func (b *bank) Open(ctx context.Context, n int) error {
	err := fill(ctx, b.Address(), bulkConnections, n, func(text []byte, n int) []byte {
		return appendFunds(appendOpen(text, n), n)
	})
	if err != nil {
		return fmt.Errorf("open the accounts: %w", err)
	}
	return nil
}

// lagEvery is how often the lags of the consumers are read, catchUp how long at most.
const lagEvery, catchUp = 50 * time.Millisecond, 5 * time.Minute

// CaughtUp waits until the balances show the load, and until all consumers, of which the archiver
// is one, have twice said that they are at the tip of all shards.
func (b *bank) CaughtUp(ctx context.Context, l *Load) (rows, archive time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	if err := l.shown(ctx, b.Address()); err != nil {
		return rows, archive, err
	}
	rows = time.Now()
	for atTip := 0; ; {
		text, err := b.Metrics(ctx)
		if err != nil {
			return rows, archive, err
		}
		if atTip++; lagging(text) {
			atTip = 0
		}
		if atTip == 2 {
			return rows, time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return rows, archive, fmt.Errorf("wait until the consumers are at the tip: %w", ctx.Err())
		case <-time.After(lagEvery):
		}
	}
}

// lagging reports whether a consumer is behind the tip of a shard.
func lagging(metrics []byte) bool {
	for line := range bytes.Lines(metrics) {
		if !bytes.HasPrefix(line, []byte("passbook_consumer_lag_seconds{")) {
			continue
		}
		value := bytes.TrimSpace(line[bytes.LastIndexByte(line, ' ')+1:])
		if seconds, err := strconv.ParseFloat(string(value), 64); err != nil || seconds > 0 {
			return true
		}
	}
	return false
}
