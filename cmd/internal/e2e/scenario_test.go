package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
	"passbook/shared/api/schemas/schematest"
	"passbook/shared/consumer"
	"passbook/shared/stream"
)

// plan is how long and how hard a fleet is worked.
type plan struct {
	accounts, perSecond int
	// phase is the time between two incidents.
	phase time.Duration
}

// The pipeline as separate processes: ten commands a second for a minute, and everything that can
// happen to a fleet during that time.
func TestFleetOnAWS(t *testing.T) {
	work(t, newProcesses(t, 2), plan{accounts: 50, perSecond: 10, phase: 10 * time.Second})
}

// The same in one process on the embedded engine, faster.
func TestFleetOnTheEmbeddedEngine(t *testing.T) {
	work(t, newTogether(t, 2), plan{accounts: 50, perSecond: 100, phase: 2 * time.Second})
}

// work runs the scenario.
func work(t *testing.T, f fleet, p plan) {
	b := newBalancer(t)
	startAll(t, f, b)
	l := openAccounts(t, b, p.accounts)
	loading, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { l.run(loading, "load", p.perSecond) })
	defer load.Wait()
	defer stop()

	pass(t.Context(), p.phase)
	killOneOfEach(t, f, b)
	pass(t.Context(), p.phase)
	for _, service := range services {
		b.add(f.start(t, service, 0))
	}
	splitOne(t, f)
	pass(t.Context(), p.phase)
	drainInstances(t, f, b, 1)
	for _, service := range services {
		b.add(f.start(t, service, 1))
	}
	mergeTwo(t, f)
	pass(t.Context(), p.phase)
	if err := f.scale(t.Context(), 4); err != nil {
		t.Error(err)
	}
	pass(t.Context(), p.phase)
	stop()
	load.Wait()
	t.Logf("%d commands answered, %d of them needed more than one try, the slowest %v", l.count(), l.repeated, l.slowest.Round(time.Millisecond))

	heads, posted := l.check(t, f)
	caughtUp(t, b, heads, posted)
	if err := f.audit(t, usualGrace); errors.Is(err, errDiffers) {
		t.Fatalf("broken promise: %v", err) // what is on its way is no difference
	}
	programtest.Every(t, look, "audit", func() error { return f.audit(t, time.Nanosecond) })
	for _, model := range []string{"balance", "creditlimit"} {
		patiently(t, "rebuild "+model, func() error { return f.rebuild(t, model) })
		patiently(t, "promote "+model, func() error { return f.promote(t, model) })
	}
	caughtUp(t, b, heads, posted) // now by the rows that were made from the archive
	validRecords(t, f)
}

// validRecords validates every record that the fleet wrote by its schema, through kills, drains and
// resharding.
func validRecords(t *testing.T, f fleet) {
	t.Helper()
	_, streams, events := f.stores()
	records := readStream(t, streams, events)
	for _, data := range records {
		schematest.Validate(t, schematest.Entry, data)
	}
	if len(records) == 0 {
		t.Error("the stream has no records")
	}
}

// patiently does a job again while the stores have no time for it, or the new generation is late. A
// difference is never waited out.
func patiently(t *testing.T, what string, job func() error) {
	t.Helper()
	programtest.Every(t, look, what, func() error {
		err := job()
		if errors.Is(err, errDiffers) && !onlyLate(err.Error()) {
			t.Fatalf("broken promise: %v", err)
		}
		return err
	})
}

// onlyLate reports whether a comparison found rows that are behind, and no other fault.
func onlyLate(report string) bool {
	return strings.Contains(report, "is behind the live one") &&
		!slices.ContainsFunc([]string{"rows differ in", "never found at", "row is in quarantine"}, func(fault string) bool { return strings.Contains(report, fault) })
}

// killOneOfEach kills the first instance of each service, and tells how soon the second has its
// shards.
func killOneOfEach(t *testing.T, f fleet, b *balancer) {
	t.Helper()
	for _, service := range services {
		b.target(nameOf(service, 0)).kill()
		b.remove(nameOf(service, 0))
	}
	began := time.Now()
	t.Logf("killed one of each; their shards were taken over after %v", orphaned(t, f, 0, began))
}

// drainInstances ends an instance of each service in order, under load. No request is lost by it.
func drainInstances(t *testing.T, f fleet, b *balancer, n int) {
	t.Helper()
	began := time.Now()
	var draining sync.WaitGroup
	for _, service := range services {
		draining.Go(func() {
			drained := b.target(nameOf(service, n))
			drained.drain()
			if broken := b.remove(nameOf(service, n)).broken; broken != 0 {
				t.Errorf("broken promise: %s broke %d requests as it was drained", drained.name, broken)
			}
		})
	}
	draining.Wait()
	t.Logf("drained one of each in %v; their shards were taken over after %v", time.Since(began).Round(time.Millisecond), orphaned(t, f, n, began))
}

// orphaned waits until no shard is left in the name of an instance that is gone, and says how long
// that took.
func orphaned(t *testing.T, f fleet, n int, began time.Time) time.Duration {
	t.Helper()
	tables, _, streamName := f.stores()
	programtest.Every(t, look, "take over the shards", func() error {
		for service, name := range map[string]string{"balance": "balance@1", "creditlimit": "creditlimit@1", "archiver": "archiver"} {
			shards, err := consumer.Status(t.Context(), tables, streamName, name)
			if err != nil {
				return err
			}
			for _, s := range shards {
				if strings.HasPrefix(s.Owner, nameOf(service, n)+"/") || s.Owner == "" && !s.Ended {
					return fmt.Errorf("%s of %s has owner %q", s.Shard, name, s.Owner)
				}
			}
		}
		return nil
	})
	return time.Since(began).Round(10 * time.Millisecond)
}

// openShards lists the shards that take records.
func openShards(t *testing.T, f fleet) []stream.Shard {
	t.Helper()
	_, streams, name := f.stores()
	shards, err := streams.Shards(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(shards, func(s stream.Shard) bool { return s.Closed })
}

// splitOne splits an open shard.
func splitOne(t *testing.T, f fleet) {
	t.Helper()
	shards := openShards(t, f)
	if len(shards) == 0 {
		t.Fatal("no open shard")
	}
	if err := f.split(t.Context(), shards[0].ID); err != nil {
		t.Fatal(err)
	}
}

// mergeTwo merges two open shards that lie beside each other.
func mergeTwo(t *testing.T, f fleet) {
	t.Helper()
	shards := openShards(t, f)
	for _, a := range shards {
		for _, b := range shards {
			if new(big.Int).Add(a.LastHash, big.NewInt(1)).Cmp(b.FirstHash) == 0 {
				if err := f.merge(t.Context(), a.ID, b.ID); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
	}
	t.Fatal("no two shards to merge")
}

// caughtUp checks that every instance of both read models shows every account at its head, with the
// posted sum of the journal.
func caughtUp(t *testing.T, b *balancer, heads, posted map[string]int64) {
	t.Helper()
	for _, to := range b.targets() {
		for account, head := range heads {
			path := map[string]string{"balance": "balance", "creditlimit": "credit-limit"}[to.service]
			if path == "" {
				break
			}
			path = fmt.Sprintf("/v1/accounts/%s/%s", account, path)
			programtest.Every(t, look, to.name+" shows "+account, func() error {
				r, err := b.send(t.Context(), to, http.MethodGet, fmt.Sprintf("%s?min_version=%d&wait=5s", path, head), "", "")
				if err == nil && (r.status != http.StatusOK || r.body.Version != head) {
					err = fmt.Errorf("%d %s, the head is v%d", r.status, r.text, head)
				}
				if err == nil && to.service == "balance" && r.body.Posted != posted[account] {
					t.Fatalf("%s says %s; the journal has %d", to.name, r.text, posted[account])
				}
				return err
			})
		}
	}
}
