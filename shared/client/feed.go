package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"passbook/shared/backoff"
)

const (
	// feedSilence is how long a feed may be silent. The bank sends a heartbeat each ten seconds.
	feedSilence = 30 * time.Second
	// maxLine bounds a line of a feed or of the answer to bulk.
	maxLine = 4 << 20
)

// wholeLines returns the lines of an answer. What a broken connection has of its last line is none.
func wholeLines(answer io.Reader) *bufio.Scanner {
	lines := bufio.NewScanner(answer)
	lines.Buffer(nil, maxLine)
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if atEOF && bytes.IndexByte(data, '\n') < 0 {
			return len(data), nil, nil
		}
		return bufio.ScanLines(data, atEOF)
	})
	return lines
}

// FeedQuery says which events a feed has, and from where.
type FeedQuery struct {
	// From is earliest, latest, which it is when empty, or an instant in RFC 3339. It counts until
	// there is a cursor.
	From string
	// Cursor continues after an item of a feed with the same filter.
	Cursor string
	// UntilNow ends the feed once everything was given that there was.
	UntilNow bool

	Types                     []EventType
	Account, Holder, Currency string
	MinAmount                 int64

	// Heartbeats gives heartbeats too: items without an EventID, whose cursor is as good as that of
	// an event.
	Heartbeats bool
	// Interrupted is told why the feed is away, before it is tried again; nil tells nobody.
	Interrupted func(err error, pause time.Duration)
}

// Feed returns the events of all accounts as they come, those of an account in the order of their
// versions. It continues at its last cursor when the connection or the bank is away, for as long as
// the context allows, once it was connected. After such a pause an event may come again, with the
// same EventID. It ends with UntilNow, with the context, or with an error that a further attempt
// would not change.
func (c *Client) Feed(ctx context.Context, q FeedQuery, options ...Option) iter.Seq2[FeedItem, error] {
	return func(yield func(FeedItem, error) bool) {
		f := &feed{client: c, query: q, options: options, yield: yield}
		if err := f.run(ctx); err != nil && !errors.Is(err, errTaken) {
			yield(FeedItem{}, err)
		}
	}
}

var (
	// errTaken means that the caller takes no more items, errFed that the feed is complete.
	errTaken = errors.New("client: the caller takes no more")
	errFed   = errors.New("client: the feed is complete")
)

// feed is one feed over all its connections.
type feed struct {
	client  *Client
	query   FeedQuery
	options []Option
	yield   func(FeedItem, error) bool
	// failures counts the attempts since the last item.
	failures  int
	connected bool
}

// run connects until the feed ends.
func (f *feed) run(ctx context.Context) error {
	for {
		err := f.connect(ctx)
		switch {
		case errors.Is(err, errFed):
			return nil
		case errors.Is(err, errTaken):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		pause, again := pauseAfter(err, f.failures)
		f.failures++
		if !again || !f.connected && f.failures >= f.client.options.Attempts {
			return err
		}
		if f.query.Interrupted != nil {
			f.query.Interrupted(err, pause)
		}
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// connect reads one connection to its end, which always is an error.
func (f *feed) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := time.AfterFunc(feedSilence, func() { cancel(fmt.Errorf("silent for %v", feedSilence)) })
	defer silent.Stop()
	response, err := f.client.send(ctx, f.call())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return f.client.refusal(response)
	}
	lines := wholeLines(response.Body)
	for lines.Scan() {
		silent.Reset(feedSilence)
		if err := f.take(lines.Bytes()); err != nil {
			return err
		}
	}
	return &Unreachable{URL: f.client.options.URL, Err: fmt.Errorf("the feed broke off: %w", errors.Join(lines.Err(), context.Cause(ctx)))}
}

// call returns the request for what follows the last cursor.
func (f *feed) call() *call {
	q := f.query
	made := f.client.newCall(http.MethodGet, "/v1/feed", f.options)
	made.header.Set("Accept", "application/x-ndjson")
	types := make([]string, len(q.Types))
	for i, t := range q.Types {
		types[i] = string(t)
	}
	from := q.From
	if q.Cursor != "" {
		from = ""
	}
	made.set(values("from", from, "cursor", q.Cursor, "type", strings.Join(types, ","), "account", q.Account, "holder", q.Holder, "currency", q.Currency, "min_amount", q.MinAmount))
	if q.UntilNow {
		made.query.Set("until", "now")
	}
	return made
}

// take gives an item to the caller, or returns why the bank ended the feed.
func (f *feed) take(line []byte) error {
	var item FeedItem
	if err := json.Unmarshal(line, &item); err != nil {
		return fmt.Errorf("the feed: a line is not as the contract has it: %w", err)
	}
	switch item.Bye {
	case "":
	case FeedItemByeComplete:
		return errFed
	case FeedItemByeAccessRefused, FeedItemByeFeedHistoryMissing:
		return &Problem{Code: Code(item.Bye), ProblemDocument: ProblemDocument{Title: "Feed ended", Detail: string(item.Bye) + ": " + item.Detail}}
	default:
		return &Problem{Code: Code(item.Bye), ProblemDocument: ProblemDocument{Title: "Feed ended", Detail: string(item.Bye) + ": " + item.Detail, Retryable: true}, RetryAfter: time.Second}
	}
	f.connected, f.failures = true, 0
	if (item.EventID != "" || f.query.Heartbeats) && !f.yield(item, nil) {
		return errTaken
	}
	if item.Cursor != "" {
		f.query.Cursor = item.Cursor
	}
	return nil
}
