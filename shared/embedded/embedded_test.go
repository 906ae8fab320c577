package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("EMBEDDED_TEST_HOLD"); dir != "" {
		holdOpen(dir)
		return
	}
	if dir := os.Getenv("EMBEDDED_TEST_FULL"); dir != "" {
		fill(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// holdOpen runs as another process: it opens the directory and keeps it open until its input ends.
func holdOpen(dir string) {
	if _, err := Open(Options{Dir: dir}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

func mustOpen(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func mustClose(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func set(key, value string) Write {
	return Write{Stage: func(b *pebble.Batch) error { return b.Set([]byte(key), []byte(value), nil) }}
}

func get(t testing.TB, db *DB, key string) string {
	t.Helper()
	view, err := db.View()
	if err != nil {
		t.Fatal(err)
	}
	defer db.Release(view)
	out := ""
	if _, err := view.Get([]byte(key), func(v []byte) error { out = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	db := mustOpen(t, Options{Dir: dir})
	if err := db.Commit(t.Context(), set("k", "v")); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	db = mustOpen(t, Options{Dir: dir})
	defer mustClose(t, db)
	if got := get(t, db, "k"); got != "v" {
		t.Fatalf("k is %q", got)
	}
}

func TestLockedByThisProcess(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, Options{Dir: dir})
	defer mustClose(t, db)
	t.Chdir(dir)
	for _, spelling := range []string{dir, dir + "/.", "."} {
		if _, err := Open(Options{Dir: spelling}); !errors.Is(err, ErrLocked) {
			t.Fatalf("open %s again: %v", spelling, err)
		}
	}
}

func TestLockedByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "EMBEDDED_TEST_HOLD="+dir)
	input, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	_, err = Open(Options{Dir: dir})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", other.Process.Pid)) {
		t.Fatalf("open: %v", err)
	}
	// The lock of a killed process ends with it.
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = input.Close()
	_ = other.Wait()
	mustClose(t, mustOpen(t, Options{Dir: dir}))
}

// files returns the contents of the files in a directory, by path.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			out[path] = "/"
			return err
		}
		text, err := os.ReadFile(path)
		out[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUnknownFormat(t *testing.T) {
	for name, format := range map[string]string{"newer": "3\n", "much newer": "10\n", "damaged": "one\n", "empty": "", "zero": "0\n"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte(format), 0o600); err != nil {
				t.Fatal(err)
			}
			before := files(t, dir)
			if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), dir) {
				t.Fatalf("open: %v", err)
			}
			if after := files(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Fatalf("changed to %v", after)
			}
		})
	}
}

// A directory of format 1 opens and stays one until it is raised, which keeps older programs out.
func TestFormatIsRaisedOnRequest(t *testing.T) {
	dir := t.TempDir()
	format := func(want string) {
		t.Helper()
		if got := files(t, dir)[filepath.Join(dir, "FORMAT")]; got != want {
			t.Errorf("FORMAT is %q, want %q", got, want)
		}
	}
	mustClose(t, mustOpen(t, Options{Dir: dir}))
	format("2\n")
	if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, Options{Dir: dir}))
	format("1\n")
	db := mustOpen(t, Options{Dir: dir})
	for range 2 {
		if err := db.RaiseFormat(); err != nil {
			t.Fatal(err)
		}
		format("2\n")
	}
	mustClose(t, db)
	mustClose(t, mustOpen(t, Options{Dir: dir}))
}

func TestDataWithoutFormat(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, Options{Dir: dir}))
	if err := os.Remove(filepath.Join(dir, "FORMAT")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrFormat) {
		t.Fatalf("open: %v", err)
	}
	if _, err := Open(Options{}); err == nil {
		t.Fatal("opened no directory")
	}
}

func TestOtherFilesAreNotChanged(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ops"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, Options{Dir: dir}))
	if got := files(t, dir)[filepath.Join(dir, "ops")]; got != "x" {
		t.Fatalf("ops holds %q", got)
	}
}

func TestClosed(t *testing.T) {
	db := mustOpen(t, Options{Dir: "data", FS: vfs.NewMem()})
	mustClose(t, db)
	done := 0
	w := set("k", "v")
	w.Done = func(err error) {
		if errors.Is(err, ErrClosed) {
			done++
		}
	}
	if err := db.Commit(t.Context(), w); !errors.Is(err, ErrClosed) {
		t.Errorf("commit: %v", err)
	}
	if _, err := db.View(); !errors.Is(err, ErrClosed) {
		t.Errorf("view: %v", err)
	}
	if err := db.Close(); !errors.Is(err, ErrClosed) || done != 1 {
		t.Errorf("close again: %v, done %d times", err, done)
	}
}

// gate blocks every sync of a file until it is opened.
type gate struct {
	shut    atomic.Bool
	arrived chan struct{}
	open    chan struct{}
}

func newGate() *gate { return &gate{arrived: make(chan struct{}, 100), open: make(chan struct{})} }

func (g *gate) String() string { return "gate" }

func (g *gate) MaybeError(op errorfs.Op) error {
	if g.shut.Load() && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo) {
		g.arrived <- struct{}{}
		<-g.open
	}
	return nil
}

// TestNothingIsSeenBeforeItIsDurable stalls the disk in the middle of a commit.
func TestNothingIsSeenBeforeItIsDurable(t *testing.T) {
	mem := vfs.NewCrashableMem()
	g := newGate()
	db := mustOpen(t, Options{Dir: "data", FS: errorfs.Wrap(mem, g)})
	g.shut.Store(true)
	answer := make(chan error, 1)
	go func() { answer <- db.Commit(context.Background(), set("k", "v")) }()
	<-g.arrived
	if got := get(t, db, "k"); got != "" {
		t.Errorf("k is %q before it is durable", got)
	}
	crashed := mem.CrashClone(vfs.CrashCloneCfg{})
	// A caller with a deadline does not wait for the disk; its Done is called later.
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	w := set("late", "v")
	w.Done = func(err error) { done <- err }
	late := make(chan error, 1)
	go func() { late <- db.Commit(ctx, w) }()
	cancel()
	if err := <-late; !errors.Is(err, context.Canceled) {
		t.Errorf("commit on a stalled disk: %v", err)
	}
	g.shut.Store(false)
	close(g.open)
	if err := <-answer; err != nil || get(t, db, "k") != "v" {
		t.Errorf("commit: %v, k is %q", err, get(t, db, "k"))
	}
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("done with %v", err)
	}
	mustClose(t, db)
	after := mustOpen(t, Options{Dir: "data", FS: crashed})
	defer mustClose(t, after)
	if got := get(t, after, "k"); got != "" {
		t.Errorf("k is %q after a power cut before its sync: the gate holds nothing", got)
	}
}

// TestFullGroupWaits stalls the disk and commits until the group is full: then callers wait, and
// memory does not grow.
func TestFullGroupWaits(t *testing.T) {
	g := newGate()
	db := mustOpen(t, Options{Dir: "data", FS: errorfs.Wrap(vfs.NewMem(), g)})
	defer mustClose(t, db)
	g.shut.Store(true)
	answers := make(chan error, 100)
	large := strings.Repeat("x", 1<<20)
	commit := func(ctx context.Context, i int, staged func()) {
		answers <- db.Commit(ctx, Write{Stage: func(b *pebble.Batch) error {
			staged()
			return b.Set(fmt.Append(nil, i), []byte(large), nil)
		}})
	}
	go commit(t.Context(), 0, func() {})
	<-g.arrived
	const room = maxGroupBytes >> 20
	var staged sync.WaitGroup
	staged.Add(room)
	for i := range room {
		go commit(t.Context(), 1+i, staged.Done)
	}
	staged.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := make(chan error, 1)
	go func() {
		cancelled <- db.Commit(ctx, Write{Stage: func(*pebble.Batch) error { return errors.New("staged in a full group") }})
	}()
	cancel()
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		t.Errorf("commit to a full group: %v", err)
	}
	go commit(t.Context(), 99, func() {})
	g.shut.Store(false)
	close(g.open)
	for range room + 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

// TestStageOrder commits from many goroutines and reads from others: no view shows a number of a
// Stage without all lower numbers.
func TestStageOrder(t *testing.T) {
	db := mustOpen(t, Options{Dir: "data", FS: vfs.NewMem()})
	defer mustClose(t, db)
	next := 0
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	key := func(i int) []byte { return fmt.Appendf(nil, "k%06d", i) }
	for range 8 {
		writers.Go(func() {
			for range 50 {
				err := db.Commit(t.Context(), Write{Stage: func(b *pebble.Batch) error {
					next++
					return b.Set(key(next-1), nil, nil)
				}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if n, last := countKeys(t, db); n != last {
				t.Errorf("%d keys, the last is %d", n, last)
				return
			}
		}
	})
	writers.Wait()
	close(stop)
	readers.Wait()
	if n, _ := countKeys(t, db); n != 400 {
		t.Errorf("%d keys", n)
	}
}

func countKeys(t *testing.T, db *DB) (n, last int) {
	view, err := db.View()
	if err != nil {
		t.Error(err)
		return 0, 0
	}
	defer db.Release(view)
	iter, err := view.Iter([]byte("k"), []byte("l"))
	if err != nil {
		t.Error(err)
		return 0, 0
	}
	for ok := iter.First(); ok; ok = iter.Next() {
		n++
		if _, err := fmt.Sscanf(string(iter.Key()), "k%d", &last); err != nil {
			t.Error(err)
		}
		last++
	}
	if err := iter.Close(); err != nil {
		t.Error(err)
	}
	return n, last
}

func TestStageFails(t *testing.T) {
	db := mustOpen(t, Options{Dir: "data", FS: vfs.NewMem()})
	defer mustClose(t, db)
	bad := errors.New("bad")
	var done []error
	w := Write{Stage: func(*pebble.Batch) error { return bad }, Done: func(err error) { done = append(done, err) }}
	if err := db.Commit(t.Context(), w); !errors.Is(err, bad) || len(done) != 1 || !errors.Is(done[0], bad) {
		t.Fatalf("commit: %v, done %v", err, done)
	}
}

func TestLockKeys(t *testing.T) {
	db := mustOpen(t, Options{Dir: "data", FS: vfs.NewMem()})
	defer mustClose(t, db)
	a, b := []byte("a"), []byte("b")
	held, err := db.LockKeys(t.Context(), a, b, a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.LockKeys(ctx, b); !errors.Is(err, context.Canceled) {
		t.Fatalf("lock of a held key: %v", err)
	}
	held.Unlock()
	var group sync.WaitGroup
	inside := 0
	for i := range 8 {
		keys := [][]byte{a, b}
		if i%2 == 1 {
			keys = [][]byte{b, a}
		}
		group.Go(func() {
			for range 200 {
				held, err := db.LockKeys(t.Context(), keys...)
				if err != nil {
					t.Error(err)
					return
				}
				inside++
				held.Unlock()
			}
		})
	}
	group.Wait()
	if inside != 8*200 {
		t.Errorf("%d times inside", inside)
	}
}

// cutter takes a crash image before each file operation.
type cutter struct {
	mem    *vfs.MemFS
	seed   uint64
	images []*vfs.MemFS
	mu     sync.Mutex
}

func (c *cutter) String() string { return "cutter" }

func (c *cutter) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seed++
		cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: int(c.seed%5) * 25, RNG: rand.New(rand.NewPCG(c.seed, 1))}
		c.images = append(c.images, c.mem.CrashClone(cfg))
	}
	return nil
}

// steps returns how many images there are.
func (c *cutter) steps() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.images)
}

// TestCrashWhileOpening cuts the power at each step of creating and reopening a database. The disk
// keeps a random part of the unsynced writes. The database opens again with its contents.
func TestCrashWhileOpening(t *testing.T) {
	for seed := range uint64(20) {
		testCrashWhileOpening(t, seed*1000)
	}
}

func testCrashWhileOpening(t *testing.T, seed uint64) {
	mem := vfs.NewCrashableMem()
	c := &cutter{mem: mem, seed: seed}
	fs := errorfs.Wrap(mem, c)
	options := Options{Dir: "data", FS: fs, CacheBytes: 1 << 20}
	db := mustOpen(t, options)
	making := c.steps()
	if err := db.Commit(t.Context(), set("k", "v")); err != nil {
		t.Fatal(err)
	}
	written := c.steps()
	mustClose(t, db)
	mustClose(t, mustOpen(t, options))
	if making < 10 {
		t.Fatalf("%d steps of making", making)
	}
	for i, image := range c.images {
		options.FS = image
		db, err := Open(options)
		if err != nil {
			t.Errorf("seed %d: open after a power cut at step %d of %d: %v", seed, i, len(c.images), err)
			continue
		}
		if got := get(t, db, "k"); i > written && got != "v" {
			t.Errorf("seed %d: k is %q after a power cut at step %d of %d", seed, got, i, len(c.images))
		}
		mustClose(t, db)
	}
}

// The block cache keeps blocks while memtables are as large as it is: Pebble takes them out of it.
func TestBlocksAreCachedBesideTheMemtables(t *testing.T) {
	const size = 1 << 20
	db := mustOpen(t, Options{Dir: "data", FS: vfs.NewMem(), NoSync: true, CacheBytes: size, MemTableBytes: size})
	defer mustClose(t, db)
	value := strings.Repeat("v", size/8)
	for i := range 64 {
		if err := db.Commit(t.Context(), set(fmt.Sprint("k", i), value)); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(t, db, "k0"); got != value {
		t.Fatalf("k0 is %d bytes", len(got))
	}
	if cached := db.engine.Metrics().BlockCache.Size; cached < int64(len(value)) {
		t.Errorf("%d bytes of blocks are cached after a block of %d was read", cached, len(value))
	}
}

// Close writes the rows as tables: they are there when the next start has no log to read them from.
func TestNothingIsLeftInTheLogAfterClose(t *testing.T) {
	o := Options{Dir: "data", FS: vfs.NewMem()}
	db := mustOpen(t, o)
	value := strings.Repeat("v", flushedBytes)
	for _, key := range []string{"a", "b"} {
		if err := db.Commit(t.Context(), set(key, value)); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, db)
	logs, err := o.FS.List("data/" + engineDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range logs {
		if strings.HasSuffix(name, ".log") {
			if err := o.FS.Remove("data/" + engineDir + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	db = mustOpen(t, o)
	defer mustClose(t, db)
	for _, key := range []string{"a", "b"} {
		if get(t, db, key) != value {
			t.Errorf("%s is lost without the log", key)
		}
	}
}
