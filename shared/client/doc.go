// Package client calls a bank from Go. Its types are generated from shared/api/openapi.yaml, and
// there is a method for each call that a program needs.
//
// It promises: a command has one Idempotency-Key, made once and kept over all its attempts, so what
// is sent again moves no money twice. Connection errors, 429, 503, 504 and what the bank calls
// retryable are tried again, after Retry-After and a random pause, a bounded number of times
// and within the context. A read of a balance or a line of credit is never older than the last
// command that the same Client had answered on that account. A refusal is a *Problem, no answer is
// an *Unreachable, and the error of a command has its key in a *CommandError, and whether the
// outcome is unknown.
//
// It does not promise that lists see the client's own commands: they come from indexes that follow.
// It remembers the versions of the accounts used last, a bounded number of them.
//
// Walk: New -> Client.command -> Client.attempt -> Client.once -> readProblem; ownRead for reads,
// pages for lists.
//
// Next on the walk: shared/api.
package client
