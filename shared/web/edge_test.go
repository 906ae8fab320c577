package web

import (
	"testing"
	"time"
)

func TestLogUnderLoadIsASample(t *testing.T) {
	var b budget
	said, omitted := 0, int64(0)
	for range 1000 {
		if n, ok := b.spend(7, 100); ok {
			said++
			omitted += n
		}
	}
	n, ok := b.spend(8, 100)
	if said != 100 || omitted != 0 || !ok || n != 900 {
		t.Fatalf("%d lines, %d left out, then %d %t", said, omitted, n, ok)
	}
}

func TestTheWaitOfAReadIsFoundBeforeItsQueryIsParsed(t *testing.T) {
	for raw, want := range map[string]time.Duration{"wait=2s": 2 * time.Second, "a=1&wait=99h&b=2": MaxWait, "wait=-5s": 0, "wait=x": 0, "a=b": 0} {
		if got := queryWait(raw); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}
