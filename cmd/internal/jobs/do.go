package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/ops"
	"passbook/shared/backup"
	"passbook/shared/endofday"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/replay/spill"
	"passbook/shared/telemetry"
	"passbook/shared/upgrade"
)

// Command is a command of a program that runs one job.
type Command[R any] struct {
	// Name is the job's, Params its parameters.
	Name   string
	Params any
	// Reason is why it is wanted, for the operators' log; it may be empty.
	Reason string
	// Output is how the result is shown; in a table by show.
	Output cli.Output
	// Confirm, if not nil, asks whether the job is really wanted; an error ends the command.
	Confirm func(config platform.Config) error
}

// Run reads the configuration from flags, runs the job and shows its result.
func (c Command[R]) Run(ctx context.Context, t *cli.Terminal, flags any, show func(w io.Writer, result R)) error {
	config, err := t.Config(flags)
	if err != nil {
		return err
	}
	if c.Confirm != nil {
		if err := c.Confirm(config); err != nil {
			return err
		}
	}
	result, err := c.Do(ctx, t, config)
	return cli.Show(t, c.Output, result, err, func(w io.Writer) { show(w, result) })
}

// Do runs the job in the bank that holds the data directory, or else in this process on the stores.
// It reports progress on the terminal's error stream. There may be a result beside an error.
func (c Command[R]) Do(ctx context.Context, t *cli.Terminal, config platform.Config) (result R, err error) {
	if err := platform.Present(config); err != nil {
		return result, err
	}
	params, err := json.Marshal(c.Params)
	if err != nil {
		return result, fmt.Errorf("parameters of %s: %w", c.Name, err)
	}
	asked := ops.Request{Job: c.Name, Actor: platform.OSUser(), Reason: c.Reason, Params: params}
	if err := ops.CheckReason(c.Reason); err != nil {
		return result, explain(ctx, err)
	}
	bar := cli.NewProgress(t.Err, c.Name)
	defer bar.Finish()
	text, err := runInBank(ctx, config, asked, bar)
	if errors.Is(err, platform.ErrNoOps) {
		text, err = openAndRun(ctx, t, config, asked, bar)
	}
	if len(text) > 0 {
		if bad := json.Unmarshal(text, &result); bad != nil {
			err = errors.Join(err, fmt.Errorf("result of %s: %w", c.Name, bad))
		}
	}
	return result, explain(ctx, err)
}

// runInBank runs the job in the running bank. It returns platform.ErrNoOps if none answers.
func runInBank(ctx context.Context, config platform.Config, asked ops.Request, bar *cli.Progress) (json.RawMessage, error) {
	if config.Store == platform.AWS { // any process may use the stores at any time
		return nil, platform.ErrNoOps
	}
	at, err := platform.FindOps(config.Data)
	if err != nil {
		return nil, err
	}
	started := false
	job, err := ops.NewClient(at.Address, at.Secret).Run(ctx, asked, func(j ops.Job) {
		started = true
		bar.Report(j.Progress)
	})
	switch {
	case err != nil && !started && !errors.Is(err, ops.ErrRefused) && ctx.Err() == nil:
		return nil, fmt.Errorf("%w at %s, the last known address: %w", platform.ErrNoOps, at.Address, err)
	case err != nil && started && ctx.Err() == nil:
		return nil, cli.Fail(cli.ExitFailed, errors.New("the bank ended during the job"), "start the bank again and repeat the command: it continues from where it was")
	case err != nil:
		return nil, err
	case ctx.Err() != nil && job.State == ops.Cancelled:
		return job.Result, ctx.Err()
	case job.State != ops.Done:
		return job.Result, remote(job)
	}
	return job.Result, nil
}

// matching is an error that also matches another one, without repeating its text.
type matching struct {
	error
	other error
}

// Unwrap returns both errors.
func (m matching) Unwrap() []error { return []error{m.error, m.other} }

// remote returns the error of a job that failed in the bank.
func remote(job ops.Job) error {
	err := errors.New(job.Error)
	// a bank returns its errors as text
	if strings.Contains(job.Error, readmodel.ErrNotCaughtUp.Error()) {
		return matching{err, readmodel.ErrNotCaughtUp}
	}
	if strings.Contains(job.Error, ErrEndUnproven.Error()) {
		return matching{err, ErrEndUnproven}
	}
	if strings.HasPrefix(job.Error, ErrParams.Error()) { // found only when it ran
		return matching{err, ErrParams}
	}
	for _, known := range []error{upgrade.ErrOlder, upgrade.ErrUnfinished, backup.ErrBusy, endofday.ErrNotYet, syscall.ENOSPC, syscall.EDQUOT} {
		if strings.Contains(job.Error, known.Error()) {
			return matching{err, known}
		}
	}
	if job.ExitCode != nil && *job.ExitCode == cli.ExitDifference {
		return matching{err, ops.ErrDifference}
	}
	return err
}

// besidesSorting is about what a job takes besides what it sorts: the database, the segments that
// it reads, and the rows that it writes.
const besidesSorting = 256 << 20

// limitMemory returns the configuration of a process that runs nothing but a job, and has the Go
// runtime keep to its share. PASSBOOK_MEMORY and GOMEMLIMIT take precedence.
func limitMemory(config platform.Config, params json.RawMessage) (platform.Config, error) {
	var sorts Sorting
	if err := json.Unmarshal(params, &sorts); err != nil {
		return config, fmt.Errorf("parameters: %w", err)
	}
	if config.Memory == 0 {
		config.Memory = min(platform.MemoryOf(config).Limit, platform.Bytes(cmp.Or(sorts.Memory, spill.DefaultMemory)+besidesSorting))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(platform.MemoryOf(config).Heap))
	}
	return config, nil
}

// openAndRun opens the stores and runs the job in this process.
func openAndRun(ctx context.Context, t *cli.Terminal, config platform.Config, asked ops.Request, bar *cli.Progress) (text json.RawMessage, err error) {
	log, err := telemetry.NewLogger(t.Err, telemetry.LogOptions{Level: "warn", Format: config.LogFormat})
	if err != nil {
		return nil, err
	}
	config, err = limitMemory(config, asked.Params)
	if err != nil {
		return nil, err
	}
	engine, err := platform.Open(ctx, config, Resources(), log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(engine.Explain(err), engine.Close()) }()
	if !engine.Exclusive {
		if err := engine.Prepare(ctx); err != nil {
			return nil, err
		}
	}
	// what a later release wrote is not to be changed by a job that does not know it
	if bank, err := origin.ReadBank(ctx, engine.Table); err != nil {
		return nil, err
	} else if err := bank.CheckFormat(event.Format); err != nil {
		return nil, err
	}
	asked.Actor = engine.Caller(ctx)
	b := NewBank(config, engine, log)
	b.Version = t.Version
	return runHere(ctx, b, asked, bar)
}

// runHere runs the job and reports its progress.
func runHere(ctx context.Context, b Bank, asked ops.Request, bar *cli.Progress) (json.RawMessage, error) {
	at := progress.New()
	stop := bar.Follow(at.Snapshot)
	result, err := b.Funcs()[asked.Job](ops.With(ctx, asked), asked.Params, at)
	stop()
	text, bad := json.Marshal(result)
	return text, errors.Join(err, bad)
}

// explain gives a job's error its exit code.
func explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", context.Canceled, err)
	case errors.Is(err, ErrParams):
		return cli.Usage("%w", err)
	case errors.Is(err, readmodel.ErrNotCaughtUp), errors.Is(err, endofday.ErrNotYet):
		return cli.Fail(cli.ExitBehind, err, "try again in a moment")
	case errors.Is(err, ErrEndUnproven):
		return Unproven(err)
	case errors.Is(err, upgrade.ErrOlder):
		return cli.Fail(cli.ExitBehind, err, "nothing was changed: replace these programs by this release, then run the same command again")
	case errors.Is(err, upgrade.ErrUnfinished):
		return cli.Fail(cli.ExitBehind, err, "end these programs, or wait for them, and run the same command again: it continues from here; the bank serves")
	case errors.Is(err, backup.ErrBusy):
		return cli.Fail(cli.ExitBehind, err, "run the same command again when that has ended")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return cli.Fail(cli.ExitFailed, err, "free space on that volume, or name a directory on another; then run the same command again")
	case errors.Is(err, ops.ErrDifference):
		return cli.Fail(cli.ExitDifference, err, "")
	}
	return err
}

// Unproven makes the failure of a job that requires a proof of the archive's end.
func Unproven(err error) error {
	return cli.Fail(cli.ExitBehind, err, "an archiver marks a shard's end within a minute of its next segment; without --require-end the job reads what is there")
}
