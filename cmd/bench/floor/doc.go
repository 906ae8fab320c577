// Package floor is what a bank would write instead, with Go and PostgreSQL: a service with the
// three routes that bench compares, and the PostgreSQL cluster below it.
//
// It promises that a command is one transaction of one round trip, durable before it is answered,
// with the account's row as the lock, a check of the balance and, unless it is lean, an idempotency
// key whose repetition gets the first answer. It has no stream, no read models, no archive, no
// history that proves itself, no access control and no limits: it is the least that is honest, and
// so the most that such a service can do. PostgreSQL has the settings that initdb gives it. Walk:
// StartCluster -> Prepare -> Serve -> service.command. Next on the walk: cmd/bench/scenario.
package floor
