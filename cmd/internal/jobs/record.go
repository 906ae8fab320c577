package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/ops"
	"passbook/shared/api"
	"passbook/shared/opslog"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/telemetry"
)

// recordMost bounds the write of an outcome, which is made although the job was cancelled.
const recordMost = 10 * time.Second

// actionOf returns what the operators' log has of a job with these parameters, and whether it
// changes anything; nil if they are wrong or the job shows what is there.
func actionOf[P parameters](text json.RawMessage) (a *opslog.Action, changes bool) {
	params, err := parse[P](text)
	if _, looks := any(params).(interface{ onlyLooks() }); err != nil || looks {
		return nil, false
	}
	a = &opslog.Action{Params: string(text)}
	if of, ok := any(params).(interface{ about() string }); ok {
		a.Tenant = of.about()
	}
	if shown, ok := any(params).(interface{ inLog() any }); ok {
		kept, err := json.Marshal(shown.inLog())
		if err != nil { // parameters are read from JSON
			return a, params.changes()
		}
		a.Params = string(kept)
	}
	return a, params.changes()
}

// record makes the job of a kind, which is in the operators' log: as a row before it begins, with
// its outcome after. A job that changes something and cannot be recorded is not begun; an audit or
// a dry run is, since it may be what finds out what is wrong with the table.
func (b Bank) record(name string, k kind) ops.Func {
	do := k.on(b)
	return func(ctx context.Context, params json.RawMessage, p *progress.Tracker) (result any, err error) {
		action, changes := k.action(params)
		if action == nil {
			return do(ctx, params, p)
		}
		asked := ops.From(ctx)
		action.Job, action.Actor, action.Reason = name, asked.Actor, asked.Reason
		a, err := opslog.Begin(ctx, b.Table, *action)
		switch {
		case err != nil && changes:
			return nil, fmt.Errorf("nothing was changed: %w", err)
		case err != nil:
			b.Log.Warn("a job that changes nothing is not in the operators' log: it needs the right to put rows opslog into the table control", "job", name, "actor", asked.Actor, "error", err)
			return do(ctx, params, p)
		}
		panicked := true
		defer func() {
			outcome := opslog.Outcome{State: opslog.Failed, ExitCode: cli.ExitFailed, Error: "the job panicked"}
			if !panicked {
				outcome = outcomeOf(ctx, err)
			}
			b.end(ctx, a, outcome, changes || b.Exclusive)
		}()
		result, err = do(ctx, params, p)
		panicked = false
		return result, err
	}
}

// outcomeOf returns how a job ended, with the exit code of its program.
func outcomeOf(ctx context.Context, err error) opslog.Outcome {
	state, code := ops.Outcome(ctx, err)
	o := opslog.Outcome{State: state, ExitCode: int64(code)}
	if err == nil {
		return o
	}
	o.Error = err.Error()
	if state == ops.Failed {
		o.ExitCode = int64(cli.Code(explain(ctx, err)))
	}
	return o
}

// end writes the outcome of a job, and where it may, removes what the log keeps no longer: the role
// of audit on AWS has no right to delete. The job has ended: a failure is only logged.
func (b Bank) end(ctx context.Context, a opslog.Action, o opslog.Outcome, trims bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordMost)
	defer cancel()
	if err := a.End(ctx, b.Table, o); err != nil {
		b.Log.Warn("the operators' log has no outcome of a job that has ended", "job", a.Job, "id", a.ID, "state", o.State, "exit_code", o.ExitCode, "error", err)
	}
	if !trims {
		return
	}
	if err := opslog.Trim(ctx, b.Table, time.Now()); err != nil {
		b.Log.Warn("the operators' log keeps actions longer than it needs to; the next job tries again", "error", err)
	}
}

// RecordDone writes something that was done without a job into the operators' log of a data
// directory: a salvage, before which the directory cannot be opened.
func RecordDone(ctx context.Context, t *cli.Terminal, config platform.Config, done ops.Request) (err error) {
	log, err := telemetry.NewLogger(t.Err, telemetry.LogOptions{Level: "warn", Format: config.LogFormat})
	if err != nil {
		return err
	}
	engine, err := platform.Open(ctx, config, Resources(), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, recordMost)
	defer cancel()
	a, err := opslog.Begin(ctx, engine.Table, opslog.Action{Job: done.Job, Actor: engine.Caller(ctx), Reason: done.Reason, Params: string(done.Params)})
	if err != nil {
		return err
	}
	return a.End(ctx, engine.Table, opslog.Outcome{State: opslog.Done})
}

// LogParams are the parameters of log.
type LogParams struct {
	look
	OfTenant
	// Limit is the most actions, newest first.
	Limit int `json:"limit"`
}

// maxLog is the most actions that one log job returns.
const maxLog = 10_000

func (p LogParams) check() error {
	if p.Limit < 1 || p.Limit > maxLog {
		return wrong("--limit is not 1 to %d", maxLog)
	}
	return p.OfTenant.check()
}

// log returns the newest actions in the operators' log.
func (b Bank) log(ctx context.Context, params LogParams, _ *progress.Tracker) ([]api.OpsAction, error) {
	actions := []api.OpsAction{}
	for before := ""; len(actions) < params.Limit; {
		page, next, err := opslog.List(ctx, b.Table, opslog.Page{Tenant: params.Tenant, Before: before, Limit: min(params.Limit-len(actions), 100)})
		if err != nil {
			return actions, err
		}
		for _, a := range page {
			actions = append(actions, api.NewOpsAction(a))
		}
		if before = next; next == "" {
			break
		}
	}
	return actions, nil
}
