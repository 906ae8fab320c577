package driver

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// bulkTimeout bounds one bulk request.
const bulkTimeout = 5 * time.Minute

// Bulk sends lines in one request and gives each the line of its answer, which is good until each
// returns. It reads while it sends.
func (c *Conn) Bulk(lines []byte, each func(answer []byte) error) error {
	c.out = append(c.out[:0], "POST /v1/bulk HTTP/1.1\r\nHost: localhost\r\n"...)
	c.authorize()
	c.out = append(c.out, "Content-Type: application/x-ndjson\r\nContent-Length: "...)
	c.out = strconv.AppendInt(c.out, int64(len(lines)), 10)
	c.out = append(c.out, "\r\n\r\n"...)
	if err := c.net.SetDeadline(time.Now().Add(bulkTimeout)); err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := c.net.Write(c.out)
		if err == nil {
			_, err = c.net.Write(lines)
		}
		sent <- err
	}()
	err := c.readLines(each)
	if err != nil {
		c.Close() // ends the writer
	}
	if failed := <-sent; err == nil {
		err = failed
	}
	return err
}

// readLines reads a streamed answer to its end.
func (c *Conn) readLines(each func([]byte) error) error {
	if c.lines == nil {
		c.lines = bufio.NewReaderSize(c.net, 64<<10)
	}
	response, err := http.ReadResponse(c.lines, nil)
	if err != nil {
		return fmt.Errorf("read the answer of a bulk request: %w", err)
	}
	defer response.Body.Close()
	scanner := bufio.NewScanner(response.Body)
	scanner.Buffer(make([]byte, 64<<10), 1<<20)
	for scanner.Scan() {
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("a bulk request is answered with %s: %.300s", response.Status, scanner.Bytes())
		}
		if err := each(scanner.Bytes()); err != nil {
			return err
		}
	}
	return scanner.Err()
}
