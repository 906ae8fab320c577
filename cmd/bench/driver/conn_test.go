package driver

import (
	"net"
	"testing"
)

// TestAnswersInPieces checks that an answer is read whole however it arrives.
func TestAnswersInPieces(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		defer theirs.Close()
		request := make([]byte, 1<<10)
		if _, err := theirs.Read(request); err != nil {
			return
		}
		for _, piece := range []string{"HTTP/1.1 20", "1 Created\r\nContent-Le", "ngth: 14\r\n\r", "\n{\"vers", "ion\":12}"} {
			if _, err := theirs.Write([]byte(piece)); err != nil {
				return
			}
		}
	}()
	c := &Conn{net: ours, in: make([]byte, 0, 1<<10)}
	status, body, err := c.Post("/v1/transfers", "k", 1, []byte("{}"))
	if err != nil || status != 201 || string(body) != `{"version":12}` {
		t.Errorf("%d %q %v", status, body, err)
	}
}
