package archivelog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/bucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/keywrap"
	"passbook/shared/segment"
	"passbook/shared/table"
)

const (
	// stepMost bounds a step of a round, which adds leaves once.
	stepMost = 10 * time.Minute
	// endMost bounds the last round of a process.
	endMost = 8 * time.Second
	// leavesMost is how many leaves one write of the row adds. They and their keys fit into a row.
	leavesMost = 128
	// addRounds is in which rounds leaves are added: each addition writes the tile again that
	// is not complete, 46 KB on average, and a checkpoint.
	addRounds = 10
	// silentRounds is after how many rounds without a write a lease is free.
	silentRounds = 3
	// sealedMost bounds the leaves of sealed segments that wait for a round. Those beyond are read
	// from the bucket.
	sealedMost = 4096
)

// ErrForked means that the row and the bucket have checkpoints of which neither continues the
// other, or that the leaves in the bucket are not those that were signed. Nothing is signed then.
var ErrForked = errors.New("the archive's log is not the one that was signed")

// Config configures a Log. All but Now and Log are required.
type Config struct {
	Bucket bucket.Bucket
	Table  table.Table
	// Keys wraps the key of the log, as it does the bank's data keys.
	Keys keywrap.Wrapper
	// Bank returns the bank's id, "" as long as it has none.
	Bank func() string
	// Check returns event.ErrForeign for an entry that no program of the bank made.
	Check func(ctx context.Context, e *event.Entry) error
	// Owner names this process, and Exclusive says that no other one can use the stores.
	Owner     string
	Exclusive bool
	// Every is the time between two rounds. Leaves are added in every tenth.
	Every time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// Log adds the segments of an archive to its log. It is safe for concurrent use.
type Log struct {
	config Config
	rows   control.Rows

	// turn is held during a round; state is what is known of the log, nil if that must be read, and
	// watch the lease of another process.
	turn  sync.Mutex
	state *state
	watch control.Watch

	mu     sync.Mutex
	sealed map[string]Leaf
	fault  error
}

// state is what the process that holds the lease knows of the log.
type state struct {
	row  row
	keys []keyPair
	// tree is that of all leaves of the row, and before that without the newest; last are the texts
	// of the leaves in the last tile of before.
	tree, before *tree
	last         []string
	// published means that the bucket has all that follows from the row.
	published bool
	find      finder
}

// New returns a Log.
func New(c Config) *Log {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Log{config: c, rows: control.ArchiveLog(c.Table), sealed: map[string]Leaf{}}
}

// Sealed notes a segment that this process sealed and uploaded, so that it is not read again.
func (l *Log) Sealed(s segment.Sealed) {
	leaf := LeafOf(s.Key, s.Data, s.Footer)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sealed) < sealedMost {
		l.sealed[s.Key] = leaf
	}
}

// takeSealed returns the leaf of a segment that this process sealed.
func (l *Log) takeSealed(key string) (Leaf, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	leaf, ok := l.sealed[key]
	return leaf, ok
}

// forgetSealed forgets the segments that are leaves now.
func (l *Log) forgetSealed(leaves []Leaf) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, leaf := range leaves {
		delete(l.sealed, leaf.Key)
	}
}

// Ready returns nil, or why segments are not added to the log.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

// Run adds new segments until ctx ends, and once more then, since the segments of an orderly end
// were just sealed. What fails is tried again in the next round. What a round leaves that the end
// cuts off, as one over an old archive, is for the next process.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(l.config.Every)
	defer tick.Stop()
	for n := 0; ; n++ {
		if n%addRounds == 0 || l.Ready() != nil || l.empty() {
			l.round(ctx, l.Append)
		} else {
			l.round(ctx, l.keep)
		}
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), endMost)
			defer cancel()
			l.round(last, l.Append)
			return nil
		}
	}
}

// empty reports whether this process keeps a log that has no leaf yet.
func (l *Log) empty() bool {
	l.turn.Lock()
	defer l.turn.Unlock()
	return l.state != nil && l.state.row.size == 0
}

// keep renews the lease, if this process has it and another one could take it.
func (l *Log) keep(ctx context.Context) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.state == nil || l.config.Exclusive {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stepMost)
	defer cancel()
	err := l.renew(ctx, l.state)
	if err != nil {
		l.state = nil // the outcome of a write may be unknown
	}
	if errors.Is(err, table.ErrConditionFailed) { // another process took the lease
		return nil
	}
	return err
}

// round runs do, and notes its failure for Ready.
func (l *Log) round(ctx context.Context, do func(context.Context) error) {
	err := do(ctx)
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil && (l.fault == nil || l.fault.Error() != err.Error()) {
		l.config.Log.Warn("segments are not added to the archive's log; it is tried again", "error", err)
	}
	l.fault = err
}

// Append completes what a crash left, and adds the segments that are not in the log yet. It does
// nothing while another process holds the lease. Its error may be of single segments, when all
// others were added.
func (l *Log) Append(ctx context.Context) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	err := l.append(ctx)
	var passed *refusedError
	if err != nil && !errors.As(err, &passed) {
		l.state = nil // the outcome of a write may be unknown
	}
	if errors.Is(err, table.ErrConditionFailed) { // another process took the lease
		return nil
	}
	return err
}

func (l *Log) append(ctx context.Context) error {
	bank := l.config.Bank()
	if bank == "" {
		return nil
	}
	if l.state == nil {
		within, cancel := context.WithTimeout(ctx, stepMost)
		defer cancel()
		s, err := l.load(within, bank)
		if err != nil || s == nil {
			return err
		}
		l.state = s
	}
	s, wrote := l.state, false
	for {
		added, err := l.step(ctx, bank, s)
		if err != nil {
			return err
		}
		if added > 0 {
			wrote = true
			continue
		}
		if !wrote && !l.config.Exclusive {
			return errors.Join(l.renew(ctx, s), s.find.refusal())
		}
		return s.find.refusal()
	}
}

// step publishes what was added, and adds the next leaves. It returns how many.
func (l *Log) step(ctx context.Context, bank string, s *state) (added int, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepMost)
	defer cancel()
	if err := l.publish(ctx, bank, s); err != nil {
		return 0, err
	}
	leaves, err := l.newLeaves(ctx, s)
	if err != nil || len(leaves) == 0 {
		return 0, err
	}
	return len(leaves), l.commit(ctx, s, leaves)
}

// commit decides that leaves follow the others, by one conditional write.
func (l *Log) commit(ctx context.Context, s *state, leaves []Leaf) error {
	next := row{rev: s.row.rev + 1, owner: l.config.Owner, before: s.row.size, size: s.row.size + int64(len(leaves)), at: l.config.Now()}
	tree := s.tree.clone()
	for _, leaf := range leaves {
		text := leaf.text()
		tree.add(text)
		next.leaves = append(next.leaves, string(text))
	}
	next.root = tree.root()
	if err := next.put(ctx, l.rows); err != nil {
		return fmt.Errorf("add %d leaves to the archive's log: %w", len(leaves), err)
	}
	s.last = lastTile(s.last, s.row.leaves, s.row.size)
	s.before, s.tree, s.row, s.published = s.tree, tree, next, false
	for _, leaf := range leaves {
		s.find.note(leaf.Key)
	}
	l.forgetSealed(leaves)
	return nil
}

// lastTile returns the texts of the leaves in the last tile of a log of a size, given those before
// its newest leaves.
func lastTile(last, newest []string, size int64) []string {
	all := append(last, newest...)
	return all[len(all)-int(size%tileWidth):]
}

// renew raises the row, which is the lease.
func (l *Log) renew(ctx context.Context, s *state) error {
	next := s.row
	next.rev, next.owner = s.row.rev+1, l.config.Owner
	if err := next.put(ctx, l.rows); err != nil {
		return fmt.Errorf("renew the lease of the archive's log: %w", err)
	}
	s.row = next
	return nil
}

// signer returns the key that signs, the newest.
func (s *state) signer() note.Signer { return s.keys[len(s.keys)-1].signer }
