package live

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

const (
	// portions is how often rows are sent in a second, and portionRows the most of each.
	portions    = 4
	portionRows = 13
	// maxLine bounds a line of the feed.
	maxLine = 1 << 20
)

// tail sends the rows of the feed to the browser, which names the last cursor that it has.
func (p *page) tail(r *view.Request, send func(name, id, data string) error) error {
	q := url.Values{}
	for _, name := range []string{"type", "account", "holder", "currency", "min_amount", "cursor"} {
		if value := r.QueryParam(name); value != "" {
			q.Set(name, value)
		}
	}
	if last := r.Request().Header.Get("Last-Event-ID"); last != "" {
		q.Set("cursor", last)
	}
	body, err := r.API.Open(r.Ctx(), "/v1/feed?"+q.Encode(), http.Header{"Accept": {"application/x-ndjson"}})
	var refused *client.Problem
	if errors.As(err, &refused) {
		return send("failed", "", refused.Title+". "+refused.Detail)
	}
	if err != nil {
		return send("failed", "", "The feed did not answer.")
	}
	lines := make(chan item)
	done := make(chan struct{})
	go func() {
		defer close(lines)
		read(bufio.NewScanner(body), lines, done)
	}()
	err = p.sample(r, lines, send)
	close(done)
	err = errors.Join(err, body.Close())
	for range lines { // the reader ends with its body
	}
	return err
}

// read gives the items of a feed until it ends or nobody takes them.
func read(scanner *bufio.Scanner, to chan<- item, done <-chan struct{}) {
	scanner.Buffer(nil, maxLine)
	for scanner.Scan() {
		i, err := itemOf(scanner.Bytes())
		if err != nil {
			return // the feed was cut off
		}
		select {
		case to <- i:
		case <-done:
			return
		}
	}
}

// sampler collects the rows of a portion.
type sampler struct {
	seen   int
	rows   []row
	cursor string
}

// take adds an item. Of more events than a portion has rows for, it keeps the newest.
func (s *sampler) take(i item) {
	if i.Cursor != "" {
		s.cursor = i.Cursor
	}
	if i.EventID == "" {
		return
	}
	s.seen++
	s.rows = append(s.rows, i.row)
	if len(s.rows) > portionRows {
		s.rows = append(s.rows[:0], s.rows[1:]...)
	}
}

// sample sends portions until the feed ends, the stream is old or the person leaves.
func (p *page) sample(r *view.Request, lines <-chan item, send func(name, id, data string) error) error {
	old, stop := view.StreamEnd()
	defer stop()
	due := time.NewTicker(time.Second / portions)
	defer due.Stop()
	var s sampler
	for {
		select {
		case i, open := <-lines:
			if !open || i.Bye != "" {
				return s.send(send)
			}
			s.take(i)
		case <-due.C:
			if err := s.send(send); err != nil {
				return err
			}
		case <-old:
			return s.send(send)
		case <-p.kit.Ending():
			return s.send(send)
		case <-r.Ctx().Done():
			return nil
		}
	}
}

// send sends what was collected: how many events there were, then the rows, the newest first.
func (s *sampler) send(send func(name, id, data string) error) error {
	if s.seen == 0 && s.cursor == "" {
		return nil
	}
	var text strings.Builder
	text.WriteString(strconv.Itoa(s.seen))
	for i := len(s.rows) - 1; i >= 0; i-- {
		line, err := templates.Fragment("live-row", s.rows[i])
		if err != nil {
			return fmt.Errorf("show the row of %s: %w", s.rows[i].EventID, err)
		}
		text.WriteString("\n" + strings.ReplaceAll(string(line), "\n", ""))
	}
	err := send("rows", s.cursor, text.String())
	*s = sampler{}
	return err
}
