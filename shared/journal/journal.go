package journal

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal/clockwatch"
	"passbook/shared/journal/dryrun"
	"passbook/shared/journal/keyindex"
	"passbook/shared/journal/outage"
	"passbook/shared/table"
	"passbook/shared/telemetry/trace"
	"passbook/shared/workerpool"
	"passbook/shared/writer"
)

// Bounds of the writer.
const (
	// MaxSkew is how far this machine's clock may be off the table's before commands are refused,
	// and how long entries that another writer committed are published again.
	MaxSkew = 5 * time.Second
	// MaxAhead is how far an account's last entry may be ahead of this machine's clock before its
	// commands are refused. Until the clock has reached it the account keeps that time, and what
	// depends on the account's time waits as long: holds do not expire, and keys are remembered
	// longer. Beyond it the clock is so wrong that a person has to decide.
	MaxAhead = 31 * 24 * time.Hour
	// MaxDeclines is how many declines of an account one process stores a minute. More are refused
	// and not stored, so that nobody can flood a history.
	MaxDeclines = 200
	// KeyWindow is how long a command's key is remembered at least, by the journal's own time.
	KeyWindow = keyindex.Window

	// maxForeign bounds how many entries of one account that is ahead are published again.
	maxForeign = 1000
	// maxQueue bounds the commands that wait in one account's lane.
	maxQueue = 4096
	// maxAttempts bounds how often commands are decided again after other writers committed first.
	maxAttempts = 10
	// loadDeadline bounds the reading of an account with its keys, readDeadline any other read, and
	// putDeadline one put; an unanswered put is repeated.
	loadDeadline = 30 * time.Second
	readDeadline = 5 * time.Second
	putDeadline  = writer.PutDeadline
	// defaultAccounts is how many idle accounts a writer keeps in memory, at about 1 KB each.
	// defaultKeys bounds the keys that they remember together, at about 24 bytes each. A busy
	// account keeps all of its last 24 hours.
	defaultAccounts = 50_000
	defaultKeys     = 4_000_000
	laneShards      = 64
	// idleLanes is how many goroutines wait for a lane to run.
	idleLanes = 128
	// maxFilters bounds the filters of keys that wait to be made.
	maxFilters = 64
)

// Committed is an entry on its way to the stream.
type Committed struct {
	Account event.Account
	// Record is the stream record, and Hash the entry's.
	Record []byte
	Hash   event.Hash
	// Writer and N are the entry's own; the outbox acknowledges the entry by them.
	Writer string
	N      int64
}

// CommittedOf returns an entry that was read as the record that it is on the stream.
func CommittedOf(e *event.Entry) (Committed, error) {
	_, enc, err := e.Published()
	if err != nil {
		return Committed{}, fmt.Errorf("seal %s v%d: %w", e.Account(), e.First, err)
	}
	return Committed{Account: e.Account(), Record: enc.Record, Hash: e.Hash, Writer: e.Writer, N: e.N}, nil
}

// Outbox takes committed entries to the stream. It is given an account's entries in version order
// and keeps that order.
type Outbox interface {
	// Publish queues entries; it never blocks and never fails.
	Publish(entries ...Committed)
	// Full reports whether so much waits that no further command should be accepted.
	Full() bool
	// Pace reports whether more of the account waits than its stream takes soon. Then it calls
	// again once, a moment later and on another goroutine. It never blocks. Until then it is
	// not called for the account.
	Pace(a event.Account, again func()) bool
}

// Config is what a Journal needs. Table and Outbox are required.
type Config struct {
	Table  table.Table
	Outbox Outbox
	// Origin gives the entries' format and signs them; nil writes format 1, which is not signed.
	Origin writer.Origin
	// Now is the clock, time.Now if nil.
	Now func() time.Time
	// Lease is how long a writer may be silent before others publish its tail: at least 5 s, 10 s
	// if 0.
	Lease time.Duration
	// Accounts is how many idle accounts stay in memory; 50,000 if 0.
	Accounts int
	// Keys is how many command keys the idle accounts may remember together; 4,000,000 if 0.
	Keys int
	// Room returns ErrStorageFull when nothing may be committed for lack of room. A nil Room never
	// does.
	Room func() error
	// Address is where other writers send commands for this one, host:port, and Secret what only
	// processes know that may read the control table. Both are in the writer's row. Without an
	// address the others send it none.
	Address, Secret string
	// NewSession makes the id of each of the writer's sessions; nil makes random ones.
	NewSession func() string
	// Tracer exports a span of each put; nil exports none.
	Tracer *trace.Tracer
	// Metrics takes the journal's collectors; nil means none.
	Metrics prometheus.Registerer
	// Log takes wrong states in entries, and accounts that are ahead of the clock; slog.Default()
	// if nil.
	Log *slog.Logger
}

// Command is a command for the journal. Its rules are in Decide.
type Command struct {
	Account event.Account
	// Key is the Idempotency-Key; empty only for internal commands.
	Key string
	// Request is the RequestHash, by which another body under the same key is found.
	Request       string
	CorrelationID string
	// Cause is the span of the command's request, nil for none.
	Cause *trace.Span
	Actor event.Text
	// IfMatch is the version that the account must be at, 0 for any.
	IfMatch int64
	// Status is the HTTP status of success, 201 or 200. A decline is stored with 422.
	Status int
	// Reverses is the version that this command reverses, else 0. The guard of that version is put
	// with the entry, both or neither.
	Reverses int64
	// DryRun, if set, says that the command is only decided, as it would be now, and that nothing
	// is stored: it is decided on what is committed, and on what the commands before it that have
	// the same Run would have made.
	DryRun *dryrun.Run
	// Queued, if set, is called once, when the command has its place: commands that are passed
	// later, on its account or on the other of a transfer, are decided after it. It is not called
	// for a command that got no place.
	Queued func()
	// Decide is pure. It returns events that follow the state, or a rejection, or neither for an
	// internal command with nothing to do.
	Decide func(account.State, time.Time) account.Decision
}

// check refuses a command that no entry can store, before it can spoil the entry of others. The
// edge has checked it already: this is for other callers.
func (c *Command) check() error {
	for _, s := range [...]struct {
		name, text string
		most       int
	}{
		{"key", c.Key, 255}, {"request", c.Request, 22}, {"correlation id", c.CorrelationID, 255},
		{"actor", c.Actor.Plain, event.MaxActorBytes - len(c.Actor.Sealed)}, {"actor", c.Actor.Sealed, event.MaxActorBytes},
		{"tenant", c.Account.Tenant, 64}, {"account id", c.Account.ID, 64},
	} {
		if len(s.text) > s.most || !utf8.ValidString(s.text) {
			return fmt.Errorf("journal: the command's %s is too long or not UTF-8", s.name)
		}
	}
	return nil
}

// Receipt is the outcome of a command: an entry's command with its events, or a rejection.
type Receipt struct {
	Account event.Account
	// Entry and Command are what was committed, now or the first time; Entry is nil when nothing
	// was.
	Entry   *event.Entry
	Command event.Command
	// Replayed says that the key was seen before, and that this is its first answer.
	Replayed bool
	// Provisional says that Entry is only what a dry run would have made: another command may get
	// its versions.
	Provisional bool
	// Rejection is why the command was refused, and Version the account's version then.
	Rejection *account.Rejection
	Version   int64
}

// Journal is the writing half. A process has one: withdraw and credit share it when they share a
// process. It is safe for concurrent use.
type Journal struct {
	*Reader
	config  Config
	writer  *writer.Writer
	peers   *writer.Peers
	outage  outage.Watch
	ahead   *clockwatch.Watch
	metrics *metrics
	cached  int // idle lanes that a shard keeps
	keys    int // keys that they may remember
	pages   keyindex.Store

	seed    maphash.Seed
	shards  [laneShards]laneShard
	pool    *workerpool.Pool // runs the rounds, and lanes alone
	rounds  *rounds          // nil where the table puts no rows together
	signals sync.Pool        // kept for other commands: a channel is much of what a wait costs

	ctx    context.Context // ends when the journal is given up: unanswered puts stop being repeated
	cancel context.CancelFunc
	closed atomic.Bool    // lanes take no more commands
	busy   sync.WaitGroup // the heartbeat, and who makes filters
}

// Open registers this process as a writer and starts its heartbeat. Close ends both.
func Open(ctx context.Context, c Config) (*Journal, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Lease == 0 {
		c.Lease = 10 * time.Second
	}
	if c.Lease < writer.MinLease {
		return nil, fmt.Errorf("open journal: a lease of %v is too short: a writer needs at least %v", c.Lease, writer.MinLease)
	}
	c.Accounts, c.Keys, c.Log = cmp.Or(c.Accounts, defaultAccounts), cmp.Or(c.Keys, defaultKeys), cmp.Or(c.Log, slog.Default())
	j := &Journal{
		Reader: NewReader(c.Table), config: c,
		seed: maphash.MakeSeed(), cached: c.Accounts/laneShards + 1, keys: c.Keys / laneShards, pool: workerpool.New(idleLanes),
	}
	j.pages = keyindex.Store{Table: c.Table, Name: Table, Now: c.Now, Slack: MaxSkew, Entries: j.begun, Filters: make(chan keyindex.Wanted, maxFilters)}
	if c.Metrics != nil {
		j.Reader.Report(c.Metrics, c.Log)
	}
	j.metrics, j.ahead = newMetrics(c.Metrics), clockwatch.New(c.Metrics, c.Log)
	j.ctx, j.cancel = context.WithCancel(context.WithoutCancel(ctx))
	j.rounds = newRounds(j)
	for i := range j.shards {
		j.shards[i].init()
	}
	j.writer = writer.New(writer.Config{Table: c.Table, Lease: c.Lease, Address: c.Address, Secret: c.Secret, Origin: c.Origin, NewID: c.NewSession})
	j.peers = writer.NewPeers(c.Table, j.writer.Owns)
	if err := j.writer.Start(ctx); err != nil {
		j.cancel()
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j.busy.Go(func() { j.tend(j.ctx) })
	j.busy.Go(func() { j.pages.MakeFilters(j.ctx) })
	return j, nil
}

// Close accepts no more commands, waits until ctx ends for those in progress, and saves how far the
// session is published. Call it when the outbox was drained or given up.
func (j *Journal) Close(ctx context.Context) error {
	j.Stop()
	err := j.Idle(ctx)
	j.cancel()
	// what is in progress ends now that no call is made any more, and a pause within a second
	_ = j.Idle(context.WithoutCancel(ctx))
	j.pool.Close()
	j.busy.Wait()
	if saveErr := j.writer.Retire(ctx); err == nil {
		err = saveErr
	}
	return err
}

// Stop accepts no more commands; those in progress continue.
func (j *Journal) Stop() { j.closed.Store(true) }

// Idle waits until no command is in progress, or ctx ends.
func (j *Journal) Idle(ctx context.Context) error {
	for i := range j.shards {
		if err := j.shards[i].idle(ctx); err != nil {
			return fmt.Errorf("wait for commands in progress: %w", err)
		}
	}
	return nil
}

// Acked notes that the stream has entry n of a writer's session.
func (j *Journal) Acked(writer string, n int64) { j.writer.Done(writer, n) }

// Writer returns the id of the session that this process commits in now. The tails of its former
// sessions are drained like those of others.
func (j *Journal) Writer() string { return j.writer.ID() }

// Fleet returns the id of this writer's session, empty where it takes no commands from others, and
// the other live writers that do. It makes no call.
func (j *Journal) Fleet() (self string, others []writer.Peer) {
	return j.writer.Self(), j.peers.Others()
}

// Leave tells the other writers to send this one no more commands. They know within two heartbeats.
func (j *Journal) Leave() { j.writer.Leave() }

// Execute decides a command and commits the outcome, unless it is a dry run. It returns after the
// commit, with a nil error also for rejections. Its errors are the package's, and only
// ErrOutcomeUnknown leaves open whether the command happened. ctx needs a deadline.
func (j *Journal) Execute(ctx context.Context, c Command) (Receipt, error) {
	p := j.newPending(c)
	if err := j.Submit(p); err != nil {
		return Receipt{}, err
	}
	return j.wait(ctx, p)
}

// enqueue gives p a place in the queue of the account's lane.
func (j *Journal) enqueue(a event.Account, p *Pending) error {
	if j.config.Outbox.Full() && !j.closed.Load() {
		return fmt.Errorf("%w: too many entries wait for the stream", ErrOverloaded)
	}
	p.lane = a
	if err := j.shards[j.shardOf(a)].push(j, a, p); err != nil {
		return err
	}
	if p.Command.Queued != nil {
		p.Command.Queued()
	}
	return nil
}

func (j *Journal) shardOf(a event.Account) uint64 { return maphash.Comparable(j.seed, a) % laneShards }
