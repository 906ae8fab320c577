package publisher

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"passbook/shared/journal"
)

// What waits for the stream is measured from the commit on, until the stream has it.
func TestWhatWaitsIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streams := &moody{}
		streams.say(errors.New("away"))
		registry := prometheus.NewRegistry()
		p := New(Config{Streams: streams, Metrics: registry, WaitingBytes: 1000})
		check := func(want string) {
			t.Helper()
			if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
				"passbook_publish_queue_entries", "passbook_publish_oldest_seconds", "passbook_publish_queue_bytes", "passbook_publish_queue_limit_bytes"); err != nil {
				t.Error(err)
			}
		}
		says := func(entries, bytes, oldest string) string {
			return `# HELP passbook_publish_oldest_seconds Age of the oldest committed entry that waits for the stream; 0 for none.
# TYPE passbook_publish_oldest_seconds gauge
passbook_publish_oldest_seconds ` + oldest + `
# HELP passbook_publish_queue_bytes Bytes of the records of the entries that wait for the stream.
# TYPE passbook_publish_queue_bytes gauge
passbook_publish_queue_bytes ` + bytes + `
# HELP passbook_publish_queue_entries Committed entries that wait for the stream.
# TYPE passbook_publish_queue_entries gauge
passbook_publish_queue_entries ` + entries + `
# HELP passbook_publish_queue_limit_bytes Bytes at which commands are refused as overloaded.
# TYPE passbook_publish_queue_limit_bytes gauge
passbook_publish_queue_limit_bytes 1000
`
		}
		check(says("0", "0", "0"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		p.Publish(journal.Committed{Account: accountNamed(1), Record: []byte("12345")})
		time.Sleep(3 * time.Second)
		p.Publish(journal.Committed{Account: accountNamed(1), Record: []byte("123")})
		p.Publish(journal.Committed{Account: accountNamed(2), Record: []byte("12")})
		time.Sleep(4 * time.Second)
		check(says("3", "10", "7"))
		streams.say(nil)
		if err := p.Drained(t.Context()); err != nil {
			t.Error(err)
		}
		check(says("0", "0", "0"))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
