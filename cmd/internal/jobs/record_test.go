package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"passbook/cmd/internal/ops"
	"passbook/shared/access/apikey"
	"passbook/shared/control"
	"passbook/shared/faults"
	"passbook/shared/opslog"
	"passbook/shared/progress"
	"passbook/shared/table"
)

// logged returns the operators' log, newest first.
func logged(t *testing.T, b Bank) []opslog.Action {
	t.Helper()
	page, _, err := opslog.List(t.Context(), b.Table, opslog.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// asking returns the context of a job that somebody asked for.
func asking(ctx context.Context, reason string) context.Context {
	return ops.With(ctx, ops.Request{Actor: "os:1000", Reason: reason})
}

func TestAJobThatChangesSomethingIsInTheLogBeforeAndAfter(t *testing.T) {
	b := openBank(t)
	var during []opslog.Action
	k := kindOf(func(b Bank, ctx context.Context, params ClearParams, _ *progress.Tracker) (string, error) {
		during = logged(t, b)
		return "cleared", nil
	})
	params := json.RawMessage(`{"all":true}`)
	result, err := b.record("clear", k)(asking(t.Context(), "they are forged"), params, progress.New())
	if result != "cleared" || err != nil {
		t.Fatalf("%v, %v", result, err)
	}
	after := logged(t, b)
	if len(during) != 1 || len(after) != 1 || during[0].State != opslog.Begun || during[0].ID != after[0].ID {
		t.Fatalf("during %+v, after %+v", during, after)
	}
	a := after[0]
	if a.Job != "clear" || a.Actor != "os:1000" || a.Reason != "they are forged" || a.Params != string(params) || a.State != opslog.Done || a.ExitCode != 0 || a.Error != "" {
		t.Errorf("%+v", a)
	}
}

// The outcome is in the log however a job ends, with the exit code that its program has.
func TestEveryEndOfAJobIsInTheLog(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	for name, tt := range map[string]struct {
		ctx         context.Context
		job         func(context.Context) error
		state, says string
		code        int64
	}{
		"failure":    {t.Context(), func(context.Context) error { return errors.New("no archive") }, opslog.Failed, "no archive", 1},
		"difference": {t.Context(), func(context.Context) error { return ops.ErrDifference }, opslog.Failed, "difference", 3},
		"behind":     {t.Context(), func(context.Context) error { return ErrEndUnproven }, opslog.Failed, "archive ends", 4},
		"cancelled":  {ctx, func(ctx context.Context) error { cancel(); return ctx.Err() }, opslog.Cancelled, "canceled", 130},
		"panic":      {t.Context(), func(context.Context) error { panic("oh") }, opslog.Failed, "panicked", 1},
	} {
		b := openBank(t)
		k := kindOf(func(_ Bank, ctx context.Context, _ ClaimParams, _ *progress.Tracker) (string, error) {
			return "", tt.job(ctx)
		})
		func() {
			defer func() { _ = recover() }()
			_, _ = b.record("claim", k)(asking(tt.ctx, ""), nil, progress.New())
		}()
		list := logged(t, b)
		if len(list) != 1 || list[0].State != tt.state || list[0].ExitCode != tt.code || !strings.Contains(list[0].Error, tt.says) {
			t.Errorf("%s: %+v", name, list)
		}
	}
}

// A look is in no log, and neither is a request with wrong parameters.
func TestALookIsNotRecorded(t *testing.T) {
	b := openBank(t)
	funcs := b.Funcs()
	for job, params := range map[string]string{
		"quarantine": `{}`, "known": `{}`, "log": `{"limit":1}`, "key-list": `{}`, "promote": `{"model":"ledger"}`, "clock": `{}`,
	} {
		_, _ = funcs[job](asking(t.Context(), ""), json.RawMessage(params), progress.New())
	}
	if list := logged(t, b); len(list) > 0 {
		t.Errorf("%+v", list)
	}
}

// An audit and a dry run are in the log, and begin without a row where it cannot be written: a role
// of an older template has no right to.
func TestAuditsAndDryRunsAreRecordedWhereTheyCanBe(t *testing.T) {
	for job, params := range map[string]string{
		"audit": `{}`, "discard": `{"model":"balance","dry_run":true}`, "clear": `{"all":true,"dry_run":true}`,
		"stream": `{"dry_run":true}`, "journal": `{"dry_run":true}`, "rebuild": `{"model":"balance","from":"journal","dry_run":true}`,
	} {
		b := openBank(t)
		_, _ = b.Funcs()[job](asking(t.Context(), "to see"), json.RawMessage(params), progress.New())
		if list := logged(t, b); len(list) != 1 || list[0].Job != job || list[0].Reason != "to see" || list[0].Params != params || list[0].State == opslog.Begun {
			t.Errorf("%s: %+v", job, list)
		}
		broken := faults.NewTable(b.Table)
		broken.Arm(&faults.Rule{Before: table.ErrRefused}, 1)
		b.Table = broken
		k, ran := kinds[job], false
		k.on = func(Bank) ops.Func {
			return func(context.Context, json.RawMessage, *progress.Tracker) (any, error) {
				ran = true
				return nil, nil
			}
		}
		if _, err := b.record(job, k)(asking(t.Context(), ""), json.RawMessage(params), progress.New()); err != nil || !ran {
			t.Errorf("%s without the log: began %t, %v", job, ran, err)
		}
	}
}

// A job that cannot be recorded is not begun.
func TestWithoutARowThereIsNoJob(t *testing.T) {
	b := openBank(t)
	broken := faults.NewTable(b.Table)
	broken.Arm(&faults.Rule{Before: table.ErrRefused}, 1)
	b.Table = broken
	k := kindOf(func(Bank, context.Context, ClaimParams, *progress.Tracker) (string, error) {
		t.Error("the job was begun")
		return "", nil
	})
	if _, err := b.record("claim", k)(asking(t.Context(), ""), nil, progress.New()); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("%v", err)
	}
}

// A job about one account or about one tenant names it; the others are about all.
func TestAnActionNamesItsTenant(t *testing.T) {
	b := openBank(t)
	for _, tt := range []struct{ job, params, want string }{
		{"clock", `{"account":"A-1"}`, "main"},
		{"clock", `{"account":"A-1","tenant":"north"}`, "north"},
		{"redrive", `{"account":"north#A-1"}`, "north"},
		{"redrive", `{"all":true}`, ""},
		{"redrive", `{"all":true,"tenant":"north"}`, "north"},
		{"audit", `{"repair":true,"tenant":"north"}`, "north"},
		{"rotate", `{}`, ""},
		{"key-revoke", `{"id":"abcdefghijkl"}`, ""},
	} {
		_, _ = b.Funcs()[tt.job](asking(t.Context(), ""), json.RawMessage(tt.params), progress.New())
		if a := logged(t, b)[0]; a.Job != tt.job || a.Params != tt.params || a.Tenant != tt.want {
			t.Errorf("%s %s: %+v", tt.job, tt.params, a)
		}
	}
}

// The log says who made a key and for whom, and has nothing by which a key is checked.
func TestTheSumOfAKeyIsInNoLog(t *testing.T) {
	b, made := openBank(t), apikey.Generate()
	sum, err := json.Marshal(made.Sum)
	if err != nil {
		t.Fatal(err)
	}
	params := `{"id":"` + made.ID + `","sum":` + string(sum) + `,"name":"payroll","tenant":"north","scopes":["ops:read"]}`
	result, err := b.Funcs()["key-create"](asking(t.Context(), "payday"), json.RawMessage(params), progress.New())
	if err != nil {
		t.Fatal(err)
	}
	if k := result.(APIKey); k.CreatedBy != "os:1000" {
		t.Errorf("made by %q", k.CreatedBy)
	}
	a := logged(t, b)[0]
	if a.Tenant != "north" || !strings.Contains(a.Params, `"payroll"`) || strings.Contains(a.Params, `"sum"`) || strings.Contains(a.Params, string(sum)) {
		t.Errorf("%+v", a)
	}
}

// The log job returns as many of the newest actions as are asked for.
func TestTheLogCanBeRead(t *testing.T) {
	b := openBank(t)
	for range 3 {
		if err := control.OpsLog(b.Table).Put(t.Context(), strings.Repeat("0", 35)+string(rune('1'+len(logged(t, b)))), table.Map{"rev": table.N(1), "job": table.S("claim"), "at": table.S("2026-11-30T01:02:03.000000Z")}, nil); err != nil {
			t.Fatal(err)
		}
	}
	list, err := b.log(t.Context(), LogParams{Limit: 2}, progress.New())
	if err != nil || len(list) != 2 || !strings.HasSuffix(list[0].ID, "3") || list[0].State != opslog.Begun || list[0].ExitCode != nil {
		t.Errorf("%+v %v", list, err)
	}
}
