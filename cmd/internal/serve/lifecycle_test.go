package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"passbook/shared/platform"
)

// record collects what happens, in its order.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

// part returns a part that records its end.
func (r *record) part(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		r.add(name + " ends")
		return nil
	}
}

// step returns a step that records that it was done.
func (r *record) step(name string) func(context.Context) error {
	return func(context.Context) error {
		r.add(name)
		return nil
	}
}

// serving runs a process with the parts that add adds, and returns it, what stops it, and its end.
func serving(t *testing.T, add func(p *Process)) (p *Process, stop context.CancelFunc, ended chan error) {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + t.TempDir(), "PASSBOOK_LISTEN=127.0.0.1:0", "PASSBOOK_DRAIN_DELAY=0s"})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := platform.Open(t.Context(), config, platform.Resources{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	program := Program{Name: "test", Open: func(ctx context.Context, p *Process) error {
		if err := p.Listen(ctx); err != nil {
			return err
		}
		add(p)
		p.Serve(API{})
		return nil
	}}
	p, err = OpenOn(t.Context(), program, "test", config, engine, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended = make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(stop)
	return p, stop, ended
}

// A process ends stage by stage, independent of the order in which parts were added, and closes
// what was opened last first.
func TestAProcessEndsInOrder(t *testing.T) {
	var r record
	p, stop, ended := serving(t, func(p *Process) {
		p.OnClose("first", r.step("first is closed"))
		p.OnClose("second", r.step("second is closed"))
		p.Go(UntilPublisher, "publisher", r.part("publisher"))
		p.Go(UntilConsumers, "consumer", r.part("consumer"))
		p.Go(UntilCallers, "sweeper", r.part("sweeper"))
		p.At(SealSegments, "segments", r.step("segments"))
		p.At(PublishQueue, "queue", r.step("queue"))
		p.At(FinishCommands, "commands", r.step("commands"))
		p.At(CancelJobs, "jobs", r.step("jobs"))
		p.OnDrain(func() { r.add("drain") })
	})
	response, err := http.Get(p.URL() + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want := []string{
		"jobs", "sweeper ends", "commands", "queue", "segments", "consumer ends", "publisher ends", "second is closed", "first is closed",
	}
	drained := slices.Index(r.lines, "drain") // in a goroutine beside the first stages
	if drained < 0 || !slices.Equal(slices.Delete(r.lines, drained, drained+1), want) {
		t.Errorf("%q\nwant %q", r.lines, want)
	}
}

// A part that fails ends the process with its error, and all other parts end in order.
func TestAPartThatFailsEndsTheProcess(t *testing.T) {
	var r record
	broken := errors.New("broken")
	_, _, ended := serving(t, func(p *Process) {
		p.Go(UntilConsumers, "consumer", r.part("consumer"))
		p.Go(UntilPublisher, "publisher", func(context.Context) error { return broken })
	})
	select {
	case err := <-ended:
		if !errors.Is(err, broken) || err.Error() != "publisher: broken" {
			t.Errorf("%v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it still runs")
	}
	if !slices.Equal(r.lines, []string{"consumer ends"}) {
		t.Errorf("%q", r.lines)
	}
}

// A step that fails does not keep the others from being done.
func TestAStepThatFailsDoesNotStopTheEnd(t *testing.T) {
	var r record
	_, stop, ended := serving(t, func(p *Process) {
		p.At(FinishCommands, "commands", func(context.Context) error { return fmt.Errorf("stuck") })
		p.At(PublishQueue, "queue", r.step("queue"))
	})
	stop()
	if err := <-ended; err != nil || !slices.Equal(r.lines, []string{"queue"}) {
		t.Errorf("%v, %q", err, r.lines)
	}
}
