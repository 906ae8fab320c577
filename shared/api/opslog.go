package api

import (
	"encoding/json"

	"passbook/shared/opslog"
)

// OpsAction is what somebody had done to the bank, as an answer has it.
type OpsAction struct {
	ID     string `json:"id"`
	At     Time   `json:"at"`
	Job    string `json:"job"`
	Actor  string `json:"actor"`
	Tenant string `json:"tenant,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Parameters are the job's, as text where they are no JSON any more because they were too long.
	Parameters json.RawMessage `json:"parameters,omitempty"`
	// State is begun, done, failed or cancelled; the others say how it ended.
	State    string `json:"state"`
	EndedAt  Time   `json:"ended_at,omitzero"`
	ExitCode *int64 `json:"exit_code,omitempty"`
	Error    string `json:"error,omitempty"`
}

// NewOpsAction returns an action as an answer has it.
func NewOpsAction(a opslog.Action) OpsAction {
	answer := OpsAction{
		ID: a.ID, At: Time{a.At}, Job: a.Job, Actor: a.Actor, Tenant: a.Tenant, Reason: a.Reason, Parameters: json.RawMessage(a.Params),
		State: a.State, EndedAt: Time{a.EndedAt}, Error: a.Error,
	}
	if a.State != opslog.Begun {
		answer.ExitCode = &a.ExitCode
	}
	if a.Params != "" && !json.Valid(answer.Parameters) {
		answer.Parameters, _ = json.Marshal(a.Params) // a string always has a JSON form
	}
	return answer
}
