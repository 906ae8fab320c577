package devclock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// fileName is the mark of a directory: how far its clock is ahead.
	fileName = "dev-clock.json"
	// format is that of the mark.
	format = 1
)

// latest is the last instant that a clock may be moved to: years have four digits everywhere.
var latest = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// mark is what the file of a directory has.
type mark struct {
	Format int `json:"format"`
	// Ahead is how far the clock is ahead of the machine's, as a duration: 72h0m0s.
	Ahead string `json:"ahead"`
}

// Clock is a clock that is ahead of the machine's. It is safe for concurrent use.
type Clock struct {
	dir   string
	ahead atomic.Int64 // nanoseconds
	// moving serializes moves.
	moving sync.Mutex
	moved  chan struct{}
}

// ErrHasBank says that a directory has a bank without a movable clock.
var ErrHasBank = errors.New("it has a bank whose clock is the machine's")

// Open returns the clock of a data directory, as far ahead as it was. A directory with a bank that
// has none is ErrHasBank.
func Open(dir string) (*Clock, error) {
	c := &Clock{dir: dir, moved: make(chan struct{}, 1)}
	ahead, marked, err := Ahead(dir)
	if err != nil {
		return nil, err
	}
	if !marked {
		content, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look for a bank in %s: %w", dir, err)
		}
		if len(content) > 0 {
			return nil, fmt.Errorf("data directory %s: %w", dir, ErrHasBank)
		}
	}
	c.ahead.Store(int64(ahead))
	return c, nil
}

// Ahead returns how far the clock of a directory is ahead, and whether it is one for development.
func Ahead(dir string) (ahead time.Duration, marked bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, fileName)) //nolint:gosec // of the data directory
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	var m mark
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil && m.Format != format {
		err = fmt.Errorf("format %d, not %d: a newer program wrote it", m.Format, format)
	}
	if err == nil {
		ahead, err = time.ParseDuration(m.Ahead)
	}
	if err != nil {
		return 0, true, fmt.Errorf("read %s of %s: %w", fileName, dir, err)
	}
	return ahead, true, nil
}

// Mark marks the directory, which a bank has made by then.
func (c *Clock) Mark() error {
	c.moving.Lock()
	defer c.moving.Unlock()
	return c.write(time.Duration(c.ahead.Load()))
}

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Moved returns a channel that gets a value after each move, or one after several.
func (c *Clock) Moved() <-chan struct{} { return c.moved }

// ErrBackwards says that a clock is to go back, ErrTooFar that it is to go beyond its end.
var (
	ErrBackwards = errors.New("the clock only goes forward: the times of an account's entries never decrease")
	ErrTooFar    = fmt.Errorf("the clock goes to %s at most", latest.Format(time.DateOnly))
)

// Move moves the clock to the time that to makes of the present one, and returns what it shows
// then. How far it is ahead is on disk before anything is recorded under it.
func (c *Clock) Move(to func(now time.Time) time.Time) (time.Time, error) {
	c.moving.Lock()
	defer c.moving.Unlock()
	now := c.Now()
	then := to(now)
	switch {
	case then.Before(now):
		return now, ErrBackwards
	case then.After(latest):
		return now, ErrTooFar
	}
	// The difference of two durations: far instants are further apart than a duration can say.
	ahead := then.Sub(now) + time.Duration(c.ahead.Load())
	if then.Sub(now) >= 1<<62 || ahead < 0 {
		return now, ErrTooFar
	}
	if err := c.write(ahead); err != nil {
		return now, err
	}
	c.ahead.Store(int64(ahead))
	select {
	case c.moved <- struct{}{}:
	default: // who waits has not yet looked at the last one
	}
	return c.Now(), nil
}

// write writes the mark, so that it is there after a power cut.
func (c *Clock) write(ahead time.Duration) error {
	text, err := json.Marshal(mark{format, ahead.String()})
	if err != nil {
		return fmt.Errorf("write the clock: %w", err)
	}
	path := filepath.Join(c.dir, fileName)
	if err := writeSynced(path+".new", append(text, '\n')); err != nil {
		return fmt.Errorf("write the clock: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the clock: %w", err)
	}
	dir, err := os.Open(c.dir)
	if err != nil {
		return fmt.Errorf("write the clock: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// writeSynced writes a file and waits until it is on disk.
func writeSynced(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // of the data directory
	if err != nil {
		return err
	}
	if _, err := file.Write(text); err != nil {
		return errors.Join(err, file.Close())
	}
	return errors.Join(file.Sync(), file.Close())
}
