package accounts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

// rehearsal is the answer to a dry run.
type rehearsal struct {
	// Status is what the command would be answered with; KeyUsed says that its key was, so that it
	// gets that answer again.
	Status  int
	KeyUsed bool
	// Problem is what it would be refused with, nil for a command that would be accepted.
	Problem *client.Problem
	Version int64
	Events  []madeEvent
	Balance *struct {
		Currency                       string
		Posted, Held, Limit, Available int64
	}
	// Text is the whole answer.
	Text string
}

// madeEvent is an event that a command would make.
type madeEvent struct {
	Type      string         `json:"type"`
	AccountID string         `json:"account_id"`
	Version   int64          `json:"version"`
	Data      view.EventData `json:"data"`
}

// Title returns the name of the event for people.
func (e madeEvent) Title() string { return view.EventTitle(e.Type, e.Data) }

// rehearsalOf reads the answer to a dry run.
func rehearsalOf(a *client.Answer) (*rehearsal, error) {
	var answer struct {
		Status  int             `json:"would_be_status"`
		KeyUsed bool            `json:"key_used"`
		Problem json.RawMessage `json:"problem"`
		Result  json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil {
		return nil, fmt.Errorf("read the answer of a dry run: %w", err)
	}
	r := &rehearsal{Status: answer.Status, KeyUsed: answer.KeyUsed, Text: indented(a.Body)}
	if len(answer.Problem) > 0 {
		r.Problem = client.ProblemOf(answer.Status, answer.Problem)
		return r, nil
	}
	if len(answer.Result) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(answer.Result, r); err != nil {
		return nil, fmt.Errorf("read what a dry run would do: %w", err)
	}
	return r, nil
}

// describe fills in the request, as it will be sent and as curl sends it.
func (c *changePage) describe(r *view.Request, method, path string, body []byte) {
	c.Request = method + " " + path
	c.Body = indented(body)
	var command strings.Builder
	command.WriteString("curl -s")
	if method != "POST" || body == nil {
		command.WriteString(" -X " + method)
	}
	command.WriteString(" " + quoted(r.Base(method, path)+path))
	if r.Bearer != "" {
		command.WriteString(" \\\n  -H \"Authorization: Bearer $PASSBOOK_KEY\"")
	}
	command.WriteString(" \\\n  -H 'Idempotency-Key: " + c.Key + "'")
	if body != nil {
		command.WriteString(" \\\n  -H 'Content-Type: application/json' \\\n  -d " + quoted(string(body)))
	}
	c.Curl = command.String()
}

// quoted returns a text as one word of a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// indented returns JSON for people.
func indented(body []byte) string {
	var text bytes.Buffer
	if json.Indent(&text, body, "", "  ") != nil {
		return string(body)
	}
	return text.String()
}

// eventPath returns the address of an event.
func eventPath(id string, version int64) string {
	return accountPath(id) + "/events/" + strconv.FormatInt(version, 10)
}

// declined returns the address of the event that records a decline, empty for a refusal without
// one.
func declined(id string, p *client.Problem) string {
	version, ok := p.Members["account_version"].(float64)
	if p.Code != "insufficient-funds" || !ok || id == "" {
		return ""
	}
	return eventPath(id, int64(version))
}
