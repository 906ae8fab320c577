package consumer

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/archive/archivetest"
)

// What an idle consumer reads is passed over, and not read again once it has work.
func TestIdleConsumerPassesOverWhatItReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTeam(t, 1)
		var busy atomic.Bool
		start := func(name string) {
			c.start(name, func(config *Config) { config.Idle = func(context.Context) bool { return !busy.Load() } })
		}
		start("a")
		entries := archivetest.Bank(1, 5, 20)
		c.publish(entries[:15]...)
		time.Sleep(5 * time.Second)
		if n := len(c.tape.plays()); n != 0 {
			t.Errorf("%d records were handled", n)
		}
		busy.Store(true)
		c.publish(entries[15:]...)
		c.within(2*time.Second, "read", c.delivered(5))
		c.halt("a")
		start("b")
		time.Sleep(5 * time.Second)
		if n := len(c.tape.plays()); n != 5 {
			t.Errorf("%d records were handled", n)
		}
		c.halt("b")
	})
}
