package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestTerminateUnderLoad checks that SIGTERM loses no request: each that the bank took is answered,
// and a connection is refused only before anything of a request was read. Everything answered is
// there afterwards, and nothing else.
func TestTerminateUnderLoad(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := serve(t, data)
	for i := range killAccounts {
		b.open(t, account(i), 1_000_000)
	}
	var accepted, lost atomic.Int64
	var clients sync.WaitGroup
	for c := range killClients {
		clients.Go(func() {
			for i := 0; ; i++ {
				a, err := b.try("POST", "/v1/accounts/"+account((c+i)%killAccounts)+"/credits", fmt.Sprintf("t-%d-%d", c, i), money(1))
				switch {
				case err == nil && a.status == 201:
					accepted.Add(1)
				case err == nil && a.code() == "shutting-down":
					return
				case err != nil && !refused(err):
					lost.Add(1)
					t.Errorf("client %d: %v", c, err)
					return
				case err != nil:
					return
				default:
					t.Errorf("client %d: %d %s", c, a.status, a.text)
					return
				}
			}
		})
	}
	wait(t, 500*time.Millisecond)
	b.Terminate()
	clients.Wait()
	if _, err := os.Stat(filepath.Join(data, "ops")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ops address is still there: %v", err)
	}
	b = serve(t, data)
	events := int64(0)
	for i := range killAccounts {
		events += int64(len(b.history(t, account(i)))) - 2
	}
	if events != accepted.Load() || accepted.Load() == 0 {
		t.Errorf("%d credits answered, %d there", accepted.Load(), events)
	}
	b.checkAudit(t)
}

// refused reports whether a request found no listener, or a kept connection that was closed before
// it: nothing of it was read.
func refused(err error) bool {
	var op *net.OpError
	return errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &op) && op.Op == "dial"
}
