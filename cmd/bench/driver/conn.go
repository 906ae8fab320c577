package driver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// callTimeout bounds one request; a bank that takes longer has failed the benchmark.
const callTimeout = 10 * time.Second

// Conn is one keep-alive connection that has one request in flight. It is written by hand because a
// general client costs as much as the server that it would measure, on the same two cores.
type Conn struct {
	net   net.Conn
	out   []byte
	in    []byte
	Key   string        // an API key, if the bank asks for one
	lines *bufio.Reader // of the answers that are streamed
}

// Dial opens a connection to a bank; key is an API key, if it asks for one.
func Dial(ctx context.Context, address, key string) (*Conn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to the bank: %w", err)
	}
	return &Conn{net: c, Key: key, out: make([]byte, 0, 1<<10), in: make([]byte, 0, 16<<10)}, nil
}

// Post sends a command; the answer's body is good until the next call.
func (c *Conn) Post(path, key string, serial int64, body []byte) (status int, answer []byte, err error) {
	c.out = append(c.out[:0], "POST "...)
	c.out = append(c.out, path...)
	c.out = append(c.out, " HTTP/1.1\r\nHost: localhost\r\n"...)
	c.authorize()
	c.out = append(c.out, "Content-Type: application/json\r\nIdempotency-Key: "...)
	c.out = append(c.out, key...)
	c.out = strconv.AppendInt(c.out, serial, 10)
	c.out = append(c.out, "\r\nContent-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	c.out = append(c.out, body...)
	return c.roundTrip()
}

// Get reads a resource.
func (c *Conn) Get(path string) (status int, answer []byte, err error) {
	c.out = append(c.out[:0], "GET "...)
	c.out = append(c.out, path...)
	c.out = append(c.out, " HTTP/1.1\r\nHost: localhost\r\n"...)
	c.authorize()
	c.out = append(c.out, "\r\n"...)
	return c.roundTrip()
}

// authorize adds the key to the request.
func (c *Conn) authorize() {
	if c.Key != "" {
		c.out = append(append(append(c.out, "Authorization: Bearer "...), c.Key...), "\r\n"...)
	}
}

var (
	headerEnd     = []byte("\r\n\r\n")
	contentLength = []byte("\r\nContent-Length: ")
	errNoLength   = errors.New("answer without Content-Length")
	errTooLong    = errors.New("answer longer than the driver reads")
)

// roundTrip writes the request and reads one answer.
func (c *Conn) roundTrip() (status int, body []byte, err error) {
	if err := c.net.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return 0, nil, err
	}
	if _, err := c.net.Write(c.out); err != nil {
		return 0, nil, err
	}
	c.in = c.in[:0]
	head, length := -1, 0
	for head < 0 || len(c.in) < head+length {
		if len(c.in) == cap(c.in) {
			return 0, nil, errTooLong
		}
		n, err := c.net.Read(c.in[len(c.in):cap(c.in)])
		if err != nil {
			return 0, nil, err
		}
		c.in = c.in[:len(c.in)+n]
		if head >= 0 {
			continue
		}
		if i := bytes.Index(c.in, headerEnd); i >= 0 {
			head = i + len(headerEnd)
			if length, err = readLength(c.in[:head]); err != nil {
				return 0, nil, err
			}
		}
	}
	status, err = strconv.Atoi(string(c.in[9:12]))
	return status, c.in[head : head+length], err
}

// readLength finds the Content-Length of a header.
func readLength(header []byte) (int, error) {
	_, rest, found := bytes.Cut(header, contentLength)
	if !found {
		return 0, errNoLength
	}
	digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return strconv.Atoi(string(digits))
}

// Close closes the connection.
func (c *Conn) Close() { _ = c.net.Close() }
