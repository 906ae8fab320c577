package consumer

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

// counted is a stream that is a Notifier and counts the reads.
type counted struct {
	mute
	stream.Notifier
}

// Records that arrive all the time are read together, and late by no more than they gather. One
// that arrives when none did for a while is read at once.
func TestRecordsGatherBeforeTheyAreRead(t *testing.T) {
	for name, gather := range map[string]time.Duration{"by default": 0, "as told": 40 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				every := max(gather, DefaultGather)
				c := newTeam(t, 1)
				reads := &counted{mute: mute{Stream: c.streams}, Notifier: c.streams}
				c.reads = reads
				c.start("a", func(config *Config) { config.Gather = gather })
				time.Sleep(1500 * time.Millisecond)
				before := reads.count()
				entries := archivetest.Bank(1, 5, 300)
				c.publish(entries[0])
				synctest.Wait()
				if n := len(c.tape.plays()); n != 1 {
					t.Errorf("%d records were read at once, want the first", n)
				}
				for _, e := range entries[1:] {
					c.publish(e)
					time.Sleep(time.Millisecond)
				}
				time.Sleep(every)
				c.tape.checkOnce(t, entries)
				if n, most := reads.count()-before, int(300*time.Millisecond/every)+3; n > most {
					t.Errorf("%d reads of 300 records in 300 ms, want at most %d", n, most)
				}
				for _, p := range c.tape.plays() {
					if p.late > every {
						t.Errorf("%s was read %v after it arrived", p.sequence, p.late)
					}
				}
			})
		})
	}
}

// Where a read did not return everything, the next one waits for nothing.
func TestBacklogIsReadWithoutAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeamAt(t, newBankWith(t, pebblestream.Options{Shards: 1, TailBytes: 1}))
		entries := archivetest.Bank(1, 5, 3*stream.MaxGetRecords/2)
		c.publish(entries...)
		began := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		c.tape.before = func(context.Context, string, Batch) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(began))
			return nil
		}
		c.start("a", func(config *Config) { config.Gather = time.Hour })
		c.within(time.Second, "all read", c.delivered(len(entries)))
		mu.Lock()
		defer mu.Unlock()
		if len(at) < 2 || at[1] != at[0] {
			t.Errorf("batches after %v, want two at once", at)
		}
	})
}
