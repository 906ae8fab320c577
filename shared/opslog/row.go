package opslog

import (
	"time"

	"passbook/shared/account"
	"passbook/shared/canonicaljson"
	"passbook/shared/table"
)

// attrs returns the action as a row has it.
func (a Action) attrs() table.Map {
	row := table.Map{"rev": table.N(1), "job": table.S(a.Job), "actor": table.S(a.Actor), "at": stamp(a.At)}
	for name, text := range map[string]string{"tenant": a.Tenant, "reason": a.Reason, "params": a.Params} {
		if text != "" {
			row[name] = table.S(text)
		}
	}
	if a.State == Begun {
		return row
	}
	row["rev"], row["state"], row["ended_at"], row["exit_code"] = table.N(2), table.S(a.State), stamp(a.EndedAt), table.N(a.ExitCode)
	if a.Error != "" {
		row["error"] = table.S(a.Error)
	}
	return row
}

// stamp returns an instant as a row has it.
func stamp(at time.Time) table.S { return table.S(canonicaljson.AppendTime(nil, at)) }

// parse returns the action of a row. What it does not understand is left out: a log is to be read,
// even where a part of it is damaged.
func parse(row table.Row) Action {
	text := func(name string) string {
		s, _ := row.Attrs[name].(table.S)
		return string(s)
	}
	instant := func(name string) time.Time {
		at, _ := account.ParseTime(text(name))
		return at
	}
	code, _ := row.Attrs["exit_code"].(table.N)
	a := Action{
		ID: row.SK, Job: text("job"), Actor: text("actor"), Tenant: text("tenant"), Reason: text("reason"), Params: text("params"),
		At: instant("at"), State: text("state"), EndedAt: instant("ended_at"), ExitCode: int64(code), Error: text("error"),
	}
	if a.State == "" {
		a.State = Begun
	}
	return a
}
