package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/ops"
	"passbook/shared/backup"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
)

// openBank opens a bank in an empty directory.
func openBank(t *testing.T) Bank {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	engine, err := platform.Open(t.Context(), config, Resources(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return NewBank(config, engine, log)
}

func TestWrongParametersChangeNothing(t *testing.T) {
	b := openBank(t)
	for _, tt := range []struct{ job, params, says string }{
		{"rebuild", `{"model":"ledger","from":"archive"}`, "--model"},
		{"rebuild", `{"model":"balance","from":"tape"}`, "--from"},
		{"rebuild", `{"model":"balance","from":"archive","memory":1048576}`, "--memory"},
		{"rebuild", `{"model":"balance","from":"archive","fast":true}`, `there is no parameter "fast"`},
		{"rebuild", `{"model":7}`, "model cannot be a JSON number"},
		{"republish", `{"stream":"s","from":"yesterday"}`, "2026-11-29T08:00:00Z"},
		{"promote", `{"model":""}`, "--model"},
		{"discard", `[]`, "one JSON object, not an array"},
		{"republish", `{}`, "--stream"},
		{"republish", `{"stream":"s","from":"2026-02-01T00:00:00Z","to":"2026-01-01T00:00:00Z"}`, "--from"},
		{"redrive", `{}`, "--all"},
		{"redrive", `{"account":"A-1","all":true}`, "--all"},
		{"audit", `{"grace_seconds":-1}`, "--grace"},
		{"audit", `{"memory":1048576}`, "--memory"},
		{"journal", `{"memory":-1}`, "--memory"},
		{"clock", `{}`, "account"},
		{"clock", `{"account":"A-1","tenant":"Main"}`, "--tenant"},
		{"clock", `{"account":"acme#A-1","tenant":"main"}`, "acme#A-1 is not an account of --tenant main"},
		{"audit", `{"tenant":"-"}`, "--tenant"},
		{"quarantine", `{"tenant":"a#b"}`, "--tenant"},
		{"redrive", `{"all":true,"tenant":"a b"}`, "--tenant"},
		{"redrive", `{"account":"acme#A-1","tenant":"main"}`, "acme#A-1"},
		{"republish", `{"stream":"s","tenant":"A"}`, "--tenant"},
		{"republish", `{"stream":"s","accounts":["acme#A-1"],"tenant":"main"}`, "acme#A-1"},
		{"log", `{}`, "--limit"},
	} {
		_, err := b.Funcs()[tt.job](t.Context(), json.RawMessage(tt.params), progress.New())
		if !errors.Is(err, ErrParams) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s %s: %v", tt.job, tt.params, err)
		}
		if before := Check(ops.Request{Job: tt.job, Params: json.RawMessage(tt.params)}); before == nil || before.Error() != err.Error() || strings.Contains(before.Error(), "json:") {
			t.Errorf("%s %s, before it begins: %v", tt.job, tt.params, before)
		}
	}
	for _, model := range Models {
		if g, err := readmodel.LoadGenerations(t.Context(), b.Table, model); err != nil || g.Candidate != 0 {
			t.Errorf("%s has candidate %d, %v", model, g.Candidate, err)
		}
	}
}

func TestEveryJobsParametersAreChecked(t *testing.T) {
	for name := range openBank(t).Funcs() {
		if err := Check(ops.Request{Job: name, Params: json.RawMessage(`{"no_such_parameter":1}`)}); !errors.Is(err, ErrParams) {
			t.Errorf("the parameters of %s are checked only when it runs: %v", name, err)
		}
	}
}

func TestARunningBankDoesNotRestoreItsJournal(t *testing.T) {
	b := openBank(t)
	b.Flush = func(context.Context) error { return nil }
	_, err := b.restore(t.Context(), JournalParams{}, progress.New())
	if !errors.Is(err, errEmpty) && !errors.Is(err, errWriters) {
		t.Errorf("%v", err)
	}
}

func TestPromoteBackNeedsAPreviousGeneration(t *testing.T) {
	_, err := openBank(t).promote(t.Context(), PromoteParams{Model: Models[0], Back: true}, progress.New())
	if err == nil || !strings.Contains(err.Error(), "no previous generation") {
		t.Errorf("%v", err)
	}
}

func TestALiveGenerationIsNotDiscarded(t *testing.T) {
	_, err := openBank(t).discard(t.Context(), DiscardParams{Model: Models[0]}, progress.New())
	if err == nil || !strings.Contains(err.Error(), "nothing to discard") {
		t.Errorf("%v", err)
	}
}

func TestTheTimeOfNoAccountIsAccepted(t *testing.T) {
	_, err := openBank(t).acceptClock(t.Context(), ClockParams{Account: "A-1"}, progress.New())
	if !errors.Is(err, ErrParams) || !strings.Contains(err.Error(), "no account main#A-1") {
		t.Errorf("%v", err)
	}
}

func TestABanksDifferenceIsNamedOnce(t *testing.T) {
	code := cli.ExitDifference
	job := ops.Job{State: ops.Failed, Error: "replay: differences found: A-1", ExitCode: &code}
	if err := remote(job); !errors.Is(err, ops.ErrDifference) || err.Error() != job.Error {
		t.Errorf("a difference: %v", err)
	}
	job = ops.Job{State: ops.Failed, Error: ErrParams.Error() + ": there is no account A-1"}
	if err := remote(job); !errors.Is(err, ErrParams) || err.Error() != job.Error {
		t.Errorf("wrong parameters: %v", err)
	}
	job = ops.Job{State: ops.Failed, Error: readmodel.ErrNotCaughtUp.Error()}
	if err := remote(job); !errors.Is(err, readmodel.ErrNotCaughtUp) || err.Error() != job.Error {
		t.Errorf("not caught up: %v", err)
	}
}

// What stopped a backup that the bank made has its exit code and its remedy, although a bank
// returns errors as text.
func TestABackupThatTheBankMadeSaysWhatToDo(t *testing.T) {
	full := fmt.Errorf("back up archive/a: %w", &fs.PathError{Op: "write", Path: "/backup/archive/a.part", Err: syscall.ENOSPC})
	busy := fmt.Errorf("%w: another backup is made in /backup", backup.ErrBusy)
	for cause, code := range map[error]int{full: cli.ExitFailed, busy: cli.ExitBehind} {
		var made *cli.Failure
		err := explain(t.Context(), remote(ops.Job{State: ops.Failed, Error: cause.Error()}))
		if !errors.As(err, &made) || made.Code != code || !strings.Contains(made.Next, "same command again") || !strings.Contains(err.Error(), cause.Error()) {
			t.Errorf("%v: %v, %+v", cause, err, made)
		}
	}
}

// A process that runs nothing but a job keeps to what the job sorts and a fixed part, unless it was
// given a limit.
func TestAJobsProcessKeepsToItsMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for _, c := range []struct {
		given  platform.Bytes
		params string
		want   platform.Bytes
	}{
		{0, `{"model":"balance","memory":16777216}`, 16<<20 + besidesSorting},
		{0, `{}`, 256<<20 + besidesSorting},
		{100 << 20, `{"memory":16777216}`, 100 << 20},
	} {
		limited, err := limitMemory(platform.Config{Memory: c.given}, json.RawMessage(c.params))
		if err != nil || limited.Memory != c.want {
			t.Errorf("%s: %v, %v; want %v", c.params, limited.Memory, err, c.want)
		}
		if heap := debug.SetMemoryLimit(-1); heap >= int64(c.want) {
			t.Errorf("%s: a heap of %d", c.params, heap)
		}
	}
}

// A job in a running bank takes a small share of its memory for sorting, unless it was asked to
// take more.
func TestAJobInABankSortsWithAShareOfItsMemory(t *testing.T) {
	flush := func(context.Context) error { return nil }
	for _, c := range []struct {
		process, asked platform.Bytes
		inBank         bool
		want           int64
	}{
		{512 << 20, 0, false, 256 << 20},
		{256 << 20, 0, false, 128 << 20},
		{512 << 20, 0, true, 64 << 20},
		{64 << 20, 0, true, 16 << 20},
		{8 << 30, 0, true, 256 << 20},
		{512 << 20, 1 << 30, true, 1 << 30},
	} {
		b := Bank{Config: platform.Config{Memory: c.process, Store: platform.Embedded, Data: "bank"}}
		if c.inBank {
			b.Flush = flush
		}
		if got := b.scratch(Sorting{Memory: int64(c.asked)}); got.Memory != c.want || got.Dir != "bank" {
			t.Errorf("%v, asked %v, in a bank %v: %+v, want %d", c.process, c.asked, c.inBank, got, c.want)
		}
	}
}
