package writer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/table"
)

const (
	// HeartbeatEvery is how often a writer saves how far its session is published.
	HeartbeatEvery = time.Second
	// PutDeadline bounds one write, of an entry or of the writer's row. No entry is begun when less
	// than this is left of the lease.
	PutDeadline = 2 * time.Second
	// MinLease is the shortest lease: it leaves time for heartbeats beside a put that takes
	// PutDeadline.
	MinLease = 5 * time.Second

	// retryAfter is how long a failed attempt to begin a session is the answer for everybody who
	// needs one.
	retryAfter = time.Second
)

// ErrLeaseLost: another process has taken the session's row over, or the row is gone.
var ErrLeaseLost = errors.New("writer: lease lost")

// Config is what a Writer needs. Table and Lease are required.
type Config struct {
	Table table.Table
	// Lease is how long a writer may be silent before others publish its tail, at least MinLease.
	Lease time.Duration
	// Address is where the writer takes commands from others, host:port, and Secret what they need
	// to know for it. Without an address it is sent none.
	Address, Secret string
	// Origin gives the format of new entries; nil means format 1.
	Origin Origin
	// NewID makes the id of a session; nil makes random ones.
	NewID func() string
}

// newID returns a UUID of version 7 in base64, which sorts by its time.
func newID() string {
	id := uuid.Must(uuid.NewV7())
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// Writer is this process as a writer: the session that it is in, and the former ones whose tails
// are not published yet. It is safe for concurrent use.
type Writer struct {
	config   Config
	starting chan struct{} // has a token while a session begins; guards the next two
	// unanswered is a session whose registration got no answer yet.
	unanswered *session
	failed     time.Time // when the last registration failed

	mu      sync.Mutex
	current *session
	former  map[string]*session // by id; others publish their tails
	left    bool                // it takes no more commands from others
	// format is the newest entry format that a heartbeat has seen, and writes the one that the rows
	// declare.
	format, writes int
}

// session is the writer's time under one id.
type session struct {
	id    string
	epoch int64
	// assigned is the last counter given to an entry. published is the largest n such that every
	// counter up to it is done, and done has those above it that are.
	assigned, published int64
	done                map[int64]struct{}
	// older is the last counter that may have an entry of a format before the writer's.
	older   int64
	renewed time.Time // monotonic; zero after the lease was lost
}

// New returns a Writer that has no session yet: Start it before any other call.
func New(c Config) *Writer {
	if c.NewID == nil {
		c.NewID = newID
	}
	return &Writer{config: c, starting: make(chan struct{}, 1), former: make(map[string]*session)}
}

// Start begins the first session.
func (w *Writer) Start(ctx context.Context) error {
	w.starting <- struct{}{}
	defer func() { <-w.starting }()
	return w.begin(ctx)
}

// begin begins a session under a new id. A registration that got no answer is repeated with the
// same id, so that it leaves no row behind. The caller has the token.
func (w *Writer) begin(ctx context.Context) error {
	s, repeated := w.unanswered, w.unanswered != nil
	if !repeated {
		s = &session{id: w.config.NewID(), done: make(map[int64]struct{})}
	}
	s.renewed = time.Now()
	row := w.row(s.id, 0, 0)
	err := control.Writers(w.config.Table).Put(ctx, s.id, row.attrs(), nil)
	if repeated && errors.Is(err, table.ErrConditionFailed) {
		s.epoch, err = w.liveEpoch(ctx, s.id) // the registration had arrived
	}
	w.unanswered = nil
	if err != nil {
		if !errors.Is(err, ErrLeaseLost) {
			w.unanswered = s
		}
		return fmt.Errorf("register writer %s: %w", s.id, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := w.current; last != nil && last.published < last.assigned {
		w.former[last.id] = last
	}
	w.current = s
	return nil
}

// row returns the row of a live session.
func (w *Writer) row(id string, epoch, published int64) Row {
	format := w.newest() // before the counters are read: see assign
	w.mu.Lock()
	defer w.mu.Unlock()
	row := Row{ID: id, Epoch: epoch, State: Live, Published: published, Format: event.Format, Writes: w.declare(format)}
	if !w.left {
		row.Address, row.Secret = w.config.Address, w.config.Secret
	}
	return row
}

// ID returns the id of the current session.
func (w *Writer) ID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current.id
}

// Self returns the id of the current session, empty where the writer takes no commands from others.
func (w *Writer) Self() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left || w.config.Address == "" {
		return ""
	}
	return w.current.id
}

// Owns reports whether this process wrote under a session's id.
func (w *Writer) Owns(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return id == w.current.id || w.former[id] != nil
}

// Leave takes the address out of the row with the next heartbeat, so that the others send no more
// commands.
func (w *Writer) Leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = true
}

// outlastsPut reports whether the session's lease surely outlasts a put that begins now.
func (w *Writer) outlastsPut(s *session) bool {
	return time.Since(s.renewed) <= w.config.Lease-PutDeadline
}

// RenewSession begins a new session, unless the lease of the current one outlasts a put. Callers
// that come while it fails share the failure, for a second.
func (w *Writer) RenewSession(ctx context.Context) error {
	select {
	case w.starting <- struct{}{}:
		defer func() { <-w.starting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	outlasts := w.outlastsPut(w.current)
	w.mu.Unlock()
	if outlasts {
		return nil
	}
	if time.Since(w.failed) < retryAfter {
		return ErrLeaseLost
	}
	ctx, cancel := context.WithTimeout(ctx, PutDeadline)
	defer cancel()
	if err := w.begin(ctx); err != nil {
		w.failed = time.Now()
		return err
	}
	return nil
}

// Done notes that the stream has entry n of a session, or that the entry was never committed.
func (w *Writer) Done(id string, n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.current
	if s.id != id {
		if s = w.former[id]; s == nil {
			return
		}
	}
	s.done[n] = struct{}{}
	for {
		if _, ok := s.done[s.published+1]; !ok {
			break
		}
		s.published++
		delete(s.done, s.published)
	}
	if s.published == s.assigned {
		delete(w.former, id)
	}
}

// Renew writes a heartbeat: progress and lease in one conditional write. It fails with ErrLeaseLost
// when the row is gone or no longer live.
func (w *Writer) Renew(ctx context.Context) error {
	w.mu.Lock()
	s := w.current
	epoch, published, before := s.epoch, s.published, s.renewed
	w.mu.Unlock()
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, PutDeadline)
	defer cancel()
	row := w.row(s.id, epoch, published)
	err := row.Save(ctx, w.config.Table)
	epoch = row.Epoch
	if errors.Is(err, table.ErrConditionFailed) {
		epoch, err = w.liveEpoch(ctx, s.id)
		began = before // an earlier heartbeat got no answer: only the next one proves when
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if errors.Is(err, ErrLeaseLost) {
			s.renewed = time.Time{}
		}
		return fmt.Errorf("renew writer %s: %w", s.id, err)
	}
	s.epoch, s.renewed = epoch, began
	return nil
}

// liveEpoch returns the epoch of a session's row. It tells an earlier write of ours that got no
// answer from a lost lease: ErrLeaseLost.
func (w *Writer) liveEpoch(ctx context.Context, id string) (int64, error) {
	row, err := control.Writers(w.config.Table).Get(ctx, id)
	if errors.Is(err, table.ErrNotFound) {
		return 0, ErrLeaseLost
	}
	if err != nil {
		return 0, err
	}
	r := parseRow(row)
	if r.State != Live {
		return 0, ErrLeaseLost
	}
	return r.Epoch, nil
}

// Silent returns for how long no heartbeat was written, or ErrLeaseLost. It makes no call.
func (w *Writer) Silent() (time.Duration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.current.renewed.IsZero() {
		return 0, ErrLeaseLost
	}
	return time.Since(w.current.renewed), nil
}

// Retire ends the session. When everything is published it removes the row, else it saves the last
// progress, and others publish the tail.
func (w *Writer) Retire(ctx context.Context) error {
	w.mu.Lock()
	s := w.current
	complete := s.published == s.assigned
	row := Row{ID: s.id, Epoch: s.epoch}
	w.mu.Unlock()
	// The caller's time may be over; this last write saves others work.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), PutDeadline)
	defer cancel()
	if !complete {
		return w.Renew(ctx)
	}
	if err := row.Delete(ctx, w.config.Table); err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return fmt.Errorf("retire writer %s: %w", s.id, err)
	}
	return nil
}
