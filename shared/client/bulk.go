package client

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// BulkCommand is one command of many. Make it with the function of its name, such as BulkCredit.
type BulkCommand struct {
	// Key is the Idempotency-Key; Bulk makes one for a command without.
	Key string

	head bulkHead
	body any
}

// bulkHead is what a line has besides the body of its route.
type bulkHead struct {
	Op          string `json:"op"`
	Key         string `json:"idempotency_key"`
	Account     string `json:"account_id,omitempty"`
	Hold        string `json:"hold_id,omitempty"`
	Transaction string `json:"transaction_id,omitempty"`
}

// WithKey returns the command with an Idempotency-Key.
func (b BulkCommand) WithKey(key string) BulkCommand {
	b.Key = key
	return b
}

// BulkOpen opens an account.
func BulkOpen(body Open) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "open"}, body: body}
}

// BulkCredit puts money into an account.
func BulkCredit(account string, body Credit) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "credit", Account: account}, body: body}
}

// BulkWithdraw takes money out of an account.
func BulkWithdraw(account string, body Withdraw) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "withdraw", Account: account}, body: body}
}

// BulkTransfer moves money between two accounts.
func BulkTransfer(body Transfer) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "transfer"}, body: body}
}

// BulkHold reserves an amount.
func BulkHold(account string, body Hold) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "hold", Account: account}, body: body}
}

// BulkCapture turns a hold into a withdrawal.
func BulkCapture(account, hold string, body Capture) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "capture", Account: account, Hold: hold}, body: body}
}

// BulkRelease ends a hold.
func BulkRelease(account, hold string) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "release", Account: account, Hold: hold}, body: struct{}{}}
}

// BulkReverseCredit takes a credit back.
func BulkReverseCredit(account, transaction string, body ReverseCredit) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "reverse", Account: account, Transaction: transaction}, body: body}
}

// BulkReverseWithdrawal gives a withdrawal back.
func BulkReverseWithdrawal(account, transaction string, body ReverseWithdrawal) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "reverse", Account: account, Transaction: transaction}, body: body}
}

// BulkSetLimit sets the line of credit.
func BulkSetLimit(account string, body SetLimit) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "set-limit", Account: account}, body: body}
}

// BulkFreeze stops debits of an account, or everything.
func BulkFreeze(account string, body Freeze) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "freeze", Account: account}, body: body}
}

// BulkUnfreeze ends a freeze.
func BulkUnfreeze(account string, body Unfreeze) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "unfreeze", Account: account}, body: body}
}

// BulkClose closes an account permanently.
func BulkClose(account string, body Close) BulkCommand {
	return BulkCommand{head: bulkHead{Op: "close", Account: account}, body: body}
}

// line is a command as it is sent, until its result came.
type line struct {
	command BulkCommand
	text    []byte
}

// encode makes the line of a command: the members of its head, then those of its body.
func (b BulkCommand) encode() (line, error) {
	if b.body == nil {
		return line{}, errors.New("a command of bulk without an operation: make it with the function of its name, such as BulkCredit")
	}
	if b.Key == "" {
		b.Key = uuid.NewString()
	}
	b.head.Key = b.Key
	head, err := json.Marshal(b.head)
	if err != nil {
		return line{}, fmt.Errorf("a command of bulk: %w", err)
	}
	body, err := json.Marshal(b.body)
	if err != nil {
		return line{}, fmt.Errorf("a command of bulk: %w", err)
	}
	text := head
	if len(body) > len(`{}`) {
		text = append(append(head[:len(head)-1], ','), body[1:]...)
	}
	return line{b, append(text, '\n')}, nil
}

// BulkResult is the answer to one command of many: one of Result and Problem.
type BulkResult struct {
	// Line counts the commands from 1.
	Line    int
	Command BulkCommand
	Result  *Result
	Problem *Problem
}

// wireResult is a line of the answer.
type wireResult struct {
	Line     int              `json:"line"`
	Status   int              `json:"status"`
	Replayed bool             `json:"replayed"`
	Result   json.RawMessage  `json:"result"`
	Problem  *ProblemDocument `json:"problem"`
}

// decode makes a result of a line of the answer. Of a dry run the result is what would be.
func (w *wireResult) decode(number int, command BulkCommand, dry bool) (BulkResult, error) {
	out := BulkResult{Line: number, Command: command}
	if w.Problem != nil {
		out.Problem = newProblem(*w.Problem, w.Status)
		out.Problem.Replayed = w.Replayed
		return out, nil
	}
	out.Result = &Result{Key: command.Key, Status: w.Status, Replayed: w.Replayed}
	into := any(&out.Result.Answer)
	if dry {
		out.Result.Rehearsed = &Rehearsal{}
		into = out.Result.Rehearsed
	}
	if err := json.Unmarshal(w.Result, into); err != nil {
		return out, fmt.Errorf("line %d of bulk: the result is not as the contract has it: %w", number, err)
	}
	return out, nil
}

// ends reports that a result is the reason why the bank executes no more lines, this one included.
func (w *wireResult) ends() bool {
	if w.Problem == nil {
		return false
	}
	switch codeOf(w.Problem.Type) {
	case CodeShuttingDown, CodeRequestIncomplete, CodeAnswersNotTaken, CodeAccessUnavailable, CodeCredentialsInvalid, CodeCredentialsExpired:
		return true
	}
	return false
}
