package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// teller is a client that keeps its connection for as long as the bank wants it, and notices every
// request that is cut off: net/http's own client would send it again in silence.
type teller struct {
	bank *bank
	id   int
	conn net.Conn
	in   *bufio.Reader
}

// errGone: the bank takes no more connections, or says that it is about to end. Nothing that was
// sent is without an answer.
var errGone = errors.New("the bank is gone")

// send sends a command and reads the answer.
func (c *teller) send(n int) (status int, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", strings.TrimPrefix(c.bank.Base, "http://"), 10*time.Second); err != nil {
			if errors.Is(err, syscall.ECONNREFUSED) {
				return 0, errGone
			}
			return 0, err
		}
		c.in = bufio.NewReader(c.conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	body := money(1)
	if _, err := fmt.Fprintf(c.conn, "POST /v1/accounts/%s/credits HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: d-%d-%d\r\nContent-Length: %d\r\n\r\n%s",
		account((c.id+n)%killAccounts), c.id, n, len(body), body); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	if answer.Close {
		c.close()
	}
	if strings.Contains(string(text), "shutting-down") {
		return answer.StatusCode, errGone
	}
	return answer.StatusCode, nil
}

func (c *teller) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// TestTerminateCutsNobodyOff checks that after SIGTERM no request is without an answer of a client
// that leaves its connection when it is told to, while many send without a pause; and that a read
// that waits does not hold up the end.
func TestTerminateCutsNobodyOff(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir(), "--drain-delay", "1s")
	for i := range killAccounts {
		b.open(t, account(i), 1_000_000)
	}
	var sent, unready atomic.Int64
	busy := make(chan struct{})
	var clients sync.WaitGroup
	for id := range killClients {
		clients.Go(func() {
			c := &teller{bank: b, id: id}
			defer c.close()
			for n := 0; ; n++ {
				switch status, err := c.send(n); {
				case errors.Is(err, errGone):
					return
				case err != nil || status != http.StatusCreated:
					t.Errorf("client %d, request %d: %d, %v", id, n, status, err)
					return
				}
				if sent.Add(1) == 10*killClients {
					close(busy)
				}
			}
		})
	}
	clients.Go(func() {
		a, err := b.try(http.MethodGet, "/v1/accounts/"+account(0)+"/balance?min_version=99999999&wait=30s", "", "")
		if err != nil || a.status != http.StatusServiceUnavailable {
			t.Errorf("a read that waits: %d %s, %v", a.status, a.code(), err)
		}
	})
	<-busy
	clients.Go(func() { // until the listener is gone
		for {
			a, err := b.try(http.MethodGet, "/readyz", "", "")
			if err != nil {
				return
			}
			if a.code() == "shutting-down" {
				unready.Add(1)
			}
		}
	})
	began := time.Now()
	b.Terminate()
	clients.Wait()
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("the end took %v: a read that waits for 30 s held it up", took)
	}
	if unready.Load() == 0 {
		t.Error("readyz never said that the bank is about to end")
	}
}
