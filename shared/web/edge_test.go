package web

import (
	"testing"
	"time"
)

func TestTheWaitOfAReadIsFoundBeforeItsQueryIsParsed(t *testing.T) {
	for raw, want := range map[string]time.Duration{"wait=2s": 2 * time.Second, "a=1&wait=99h&b=2": MaxWait, "wait=-5s": 0, "wait=x": 0, "a=b": 0} {
		if got := queryWait(raw); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}
