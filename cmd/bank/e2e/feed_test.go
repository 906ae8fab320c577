package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/jobs"
	"passbook/cmd/internal/programtest"
	"passbook/shared/platform"
	"passbook/shared/stream"
)

const (
	// feedKills is how many times the bank is killed while feeds are read, and feedReshard the kill
	// after which the stream is resharded and everything archived is trimmed from it.
	feedKills   = 20
	feedReshard = 10
	// slowRate is how many bytes a second the slow reader takes.
	slowRate = 1 << 10
)

// feedReader reads a feed through all that happens to the bank, as docs/feed.md says.
type feedReader struct {
	base  *atomic.Pointer[string]
	query string
	// slow says that it takes slowRate bytes a second, while it is set.
	slow atomic.Bool

	mu       sync.Mutex
	cursor   string
	seen     map[string]map[int64]int // how often each version of an account came
	repeats  int
	disorder []string
	byes     map[string]int
}

func newFeedReader(base *atomic.Pointer[string], query string) *feedReader {
	return &feedReader{base: base, query: query, seen: map[string]map[int64]int{}, byes: map[string]int{}}
}

// run reads until ctx ends, and connects again whenever the feed ends.
func (r *feedReader) run(ctx context.Context) {
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for ctx.Err() == nil {
		_ = r.connect(ctx) // the bank was killed
		<-pause.C
	}
}

// connect reads one connection to its end.
func (r *feedReader) connect(ctx context.Context) error {
	r.mu.Lock()
	address := *r.base.Load() + "/v1/feed?" + r.query
	if r.cursor != "" {
		address += "&cursor=" + url.QueryEscape(r.cursor)
	}
	r.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/x-ndjson")
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if tcp, ok := c.(*net.TCPConn); ok && r.slow.Load() {
			err = errors.Join(err, tcp.SetReadBuffer(4<<10))
		}
		return c, err
	}}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	newest := map[string]int64{}
	lines := bufio.NewScanner(&throttled{r, response.Body})
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := r.take(lines.Bytes(), newest); err != nil {
			return err
		}
	}
	return lines.Err()
}

// throttled reads at slowRate while its reader is slow.
type throttled struct {
	r    *feedReader
	body io.Reader
}

func (t *throttled) Read(p []byte) (int, error) {
	if !t.r.slow.Load() {
		return t.body.Read(p)
	}
	const pieces = 8
	timer := time.NewTimer(time.Second / pieces)
	defer timer.Stop()
	<-timer.C
	return t.body.Read(p[:min(len(p), slowRate/pieces)])
}

// take notes one item of a connection.
func (r *feedReader) take(line []byte, newest map[string]int64) error {
	var item struct {
		EventID string `json:"event_id"`
		Account string `json:"account_id"`
		Version int64  `json:"version"`
		Cursor  string `json:"cursor"`
		Bye     string `json:"bye"`
	}
	if err := json.Unmarshal(line, &item); err != nil {
		return err // cut off by the kill
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if item.Bye != "" {
		r.byes[item.Bye]++
	}
	if item.EventID != "" {
		versions := r.seen[item.Account]
		if versions == nil {
			versions = map[int64]int{}
			r.seen[item.Account] = versions
		}
		if versions[item.Version]++; versions[item.Version] > 1 {
			r.repeats++
		}
		if item.Version != newest[item.Account]+1 && newest[item.Account] != 0 {
			r.disorder = append(r.disorder, fmt.Sprintf("%s after v%d", item.EventID, newest[item.Account]))
		}
		newest[item.Account] = item.Version
	}
	if item.Cursor != "" {
		r.cursor = item.Cursor
	}
	return nil
}

// lacks returns what of the histories the reader did not get.
func (r *feedReader) lacks(heads map[string]int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, head := range heads {
		for version := int64(1); version <= head; version++ {
			if r.seen[id][version] == 0 {
				return fmt.Errorf("%s:%d is missing, of %d", id, version, head)
			}
		}
	}
	return nil
}

// check fails the test if events of an account came out of order, or there is something that the
// bank does not have.
func (r *feedReader) check(t *testing.T, name string, heads map[string]int64) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	events := 0
	for id, versions := range r.seen {
		events += len(versions)
		for version := range versions {
			if version > heads[id] {
				t.Errorf("%s: %s:%d is not in the history, which ends at v%d", name, id, version, heads[id])
			}
		}
	}
	if len(r.disorder) > 0 {
		t.Errorf("%s: %d events not in order, such as %s", name, len(r.disorder), r.disorder[0])
	}
	t.Logf("%s: %d events, %d repeats, ended with %v", name, events, r.repeats, r.byes)
}

// TestFeedsMissNothing reads three feeds while the bank is killed 20 times, the stream is resharded
// and what was archived is trimmed from it: one from the first event on, one that begins before
// what the stream still has, and one that takes 1 KB a second.
func TestFeedsMissNothing(t *testing.T) {
	data := t.TempDir()
	b := serve(t, data)
	var base atomic.Pointer[string]
	base.Store(&b.Base)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	follower, slow, late := newFeedReader(&base, "from=earliest"), newFeedReader(&base, "from=earliest"), newFeedReader(&base, "from=earliest")
	slow.slow.Store(true)
	running.Go(func() { follower.run(ctx) })
	running.Go(func() { slow.run(ctx) })
	for i := range killAccounts {
		b.open(t, account(i), 1_000_000)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for kill := range feedKills {
		var clients sync.WaitGroup
		for c := range killClients {
			clients.Go(func() { b.pester(fmt.Sprintf("f%d-c%d", kill, c), seed+uint64(c)) })
		}
		wait(t, time.Duration(50+rng.IntN(500))*time.Millisecond)
		b.Kill()
		clients.Wait()
		if kill == feedReshard {
			serve(t, data).Terminate() // it seals what is not archived yet
			reshard(t, data)
		}
		b = serve(t, data)
		base.Store(&b.Base)
		if kill == feedReshard {
			running.Go(func() { late.run(ctx) })
		}
	}
	slow.slow.Store(false)
	heads := map[string]int64{}
	for i := range killAccounts {
		heads[account(i)] = int64(len(b.history(t, account(i))))
	}
	for name, r := range map[string]*feedReader{"follower": follower, "slow": slow, "from before the retention": late} {
		programtest.Eventually(t, name+" has every event", func() error { return r.lacks(heads) })
		r.check(t, name, heads)
	}
}

// reshard merges two shards of a bank that does not run and splits another, and trims from the
// others what they have, but for the last record.
func reshard(t *testing.T, data string) {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + data})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := platform.Open(t.Context(), config, jobs.Resources(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	}()
	streams, name := engine.Streams, config.Stream(deployment.EventStream)
	admin := streams.(interface {
		Split(ctx context.Context, stream, shard string) error
		Merge(ctx context.Context, stream, shard, adjacent string) error
		Trim(ctx context.Context, stream, shard, before string) error
	})
	shards, err := streams.Shards(t.Context(), name)
	if err != nil || len(shards) < 4 {
		t.Fatalf("%d shards, %v", len(shards), err)
	}
	for _, s := range shards {
		if last := newest(t, streams, name, s.ID); last != "" {
			if err := admin.Trim(t.Context(), name, s.ID, last); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(admin.Merge(t.Context(), name, shards[0].ID, shards[1].ID), admin.Split(t.Context(), name, shards[2].ID)); err != nil {
		t.Fatal(err)
	}
}

// newest returns the last sequence number of a shard, empty if it has no record.
func newest(t *testing.T, streams stream.Stream, name, shard string) (last string) {
	t.Helper()
	iterator, err := streams.Iterator(t.Context(), name, shard, stream.Position{Where: stream.TrimHorizon})
	for err == nil && iterator != "" {
		var batch stream.Batch
		if batch, err = streams.Get(t.Context(), iterator, stream.MaxGetRecords); err == nil {
			for _, r := range batch.Records {
				last = r.Sequence
			}
			if batch.Behind == 0 {
				return last
			}
			iterator = batch.Next
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return last
}
