package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"
	"time"

	"passbook/shared/backoff"
)

const (
	// bulkWindow is the most commands that were taken and have no result yet.
	bulkWindow = 4096
	// bulkSilence is how long commands may be without a result before the connection counts as
	// broken. The bank itself ends a request that is silent for a minute.
	bulkSilence = 90 * time.Second
)

// Bulk sends many commands in one request, and returns their results in the order of the commands,
// while it sends. Those of one account are executed in order. When the connection breaks or the
// bank stops, it connects again and sends what has no result, under the same keys. A command that
// is refused has its Problem in its result; an error ends the stream, and what has no result by
// then may be sent again under the same keys. Commands are taken from another goroutine, at most
// bulkWindow ahead of their results, and Bulk returns once the last one was taken or commands was
// told to stop.
func (c *Client) Bulk(ctx context.Context, commands iter.Seq[BulkCommand], options ...Option) iter.Seq2[BulkResult, error] {
	return func(yield func(BulkResult, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		b := &bulk{client: c, options: options, yield: yield, lines: make(chan line), room: make(chan struct{}, bulkWindow)}
		var feeder sync.WaitGroup
		feeder.Go(func() { b.feed(ctx, commands) })
		err := b.run(ctx)
		cancel()
		feeder.Wait()
		if err != nil && !errors.Is(err, errTaken) {
			yield(BulkResult{}, err)
		}
	}
}

// bulk is one stream of commands over all its connections.
type bulk struct {
	client  *Client
	options []Option
	yield   func(BulkResult, error) bool
	// lines are the commands that were taken and not sent. broken is why no more were taken; it is
	// set before lines is closed.
	lines  chan line
	broken error
	// room has a token for each command without a result.
	room chan struct{}

	// dry reports that the commands are only decided.
	dry bool

	mu sync.Mutex
	// open are the commands that were sent and have no result, in order.
	open     []line
	answered int
	failures int
}

// feed takes the commands while there is room for them.
func (b *bulk) feed(ctx context.Context, commands iter.Seq[BulkCommand]) {
	defer close(b.lines)
	for command := range commands {
		made, err := command.encode()
		if err != nil {
			b.broken = err
			return
		}
		select {
		case b.room <- struct{}{}:
		case <-ctx.Done():
			return
		}
		select {
		case b.lines <- made:
		case <-ctx.Done():
			return
		}
	}
}

// run connects until each command has a result. It connects to nothing while there is nothing to
// send.
func (b *bulk) run(ctx context.Context) error {
	for {
		if len(b.open) == 0 {
			select {
			case first, more := <-b.lines:
				if !more {
					return b.broken
				}
				b.open = append(b.open, first)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		err := b.connect(ctx)
		if err == nil {
			continue // the next turn ends it, if there are no more
		}
		if errors.Is(err, errTaken) || ctx.Err() != nil {
			return err
		}
		pause, again := pauseAfter(err, b.failures)
		b.failures++
		if b.dry && b.answered > 0 {
			again = false // what the earlier lines would have left is forgotten
		}
		if !again || b.failures >= b.client.options.Attempts {
			return fmt.Errorf("bulk, after %d results: %w", b.answered, err)
		}
		if err := backoff.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// connect sends what is open and what comes, and takes results. It returns nil once all commands
// have their results.
func (b *bulk) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	silent := time.AfterFunc(bulkSilence, cancel)
	defer silent.Stop()
	body, sink := io.Pipe()
	var sender sync.WaitGroup
	sender.Go(func() { sink.CloseWithError(b.send(ctx, sink)) })
	defer sender.Wait()
	defer body.Close()
	defer cancel()
	made := b.client.newCall(http.MethodPost, "/v1/bulk", b.options)
	made.header.Set("Content-Type", "application/x-ndjson")
	made.stream = body
	b.dry = made.query.Has("dry_run")
	response, err := b.client.send(ctx, made)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return b.client.refusal(response)
	}
	results := wholeLines(response.Body)
	for results.Scan() {
		silent.Reset(bulkSilence)
		if err := b.take(results.Bytes()); err != nil {
			return err
		}
	}
	if b.unanswered() == 0 && results.Err() == nil {
		return nil
	}
	return &Unreachable{URL: b.client.options.URL, Err: fmt.Errorf("bulk broke off after %d results: %w", b.answered, errors.Join(results.Err(), io.ErrUnexpectedEOF))}
}

// send writes the commands that have no result, then those that come. It writes through when none
// is at hand, so that no command waits for the next one. Its nil ends the request.
func (b *bulk) send(ctx context.Context, sink io.Writer) error {
	out := bufio.NewWriterSize(sink, 64<<10)
	b.mu.Lock()
	again := append([]line(nil), b.open...)
	b.mu.Unlock()
	for _, one := range again {
		if _, err := out.Write(one.text); err != nil {
			return err
		}
	}
	for {
		var next line
		more := true
		select {
		case next, more = <-b.lines:
		default:
			if err := out.Flush(); err != nil {
				return err
			}
			select {
			case next, more = <-b.lines:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if !more {
			return out.Flush()
		}
		b.mu.Lock()
		b.open = append(b.open, next)
		b.mu.Unlock()
		if _, err := out.Write(next.text); err != nil {
			return err
		}
	}
}

// unanswered counts the commands that were sent and have no result.
func (b *bulk) unanswered() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}

// take gives the result of the oldest open command to the caller. Its error is why the bank
// executes no more.
func (b *bulk) take(text []byte) error {
	var got wireResult
	if err := json.Unmarshal(text, &got); err != nil {
		return fmt.Errorf("bulk: a result is not as the contract has it: %w", err)
	}
	if got.ends() {
		return newProblem(*got.Problem, got.Status)
	}
	b.mu.Lock()
	if len(b.open) == 0 {
		b.mu.Unlock()
		return errors.New("bulk: a result that belongs to no command")
	}
	oldest := b.open[0]
	b.open = b.open[1:]
	b.mu.Unlock()
	<-b.room
	b.answered++
	b.failures = 0
	result, err := got.decode(b.answered, oldest.command, b.dry)
	if err != nil {
		return err
	}
	if result.Problem != nil {
		b.client.rememberRefusal(result.Problem)
	} else {
		b.client.rememberAnswer(&result.Result.Answer)
	}
	if !b.yield(result, nil) {
		return errTaken
	}
	return nil
}
