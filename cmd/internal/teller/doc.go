// Package teller has the commands with which a person uses a bank from the command line: accounts,
// money, holds, limits, and the profiles that say which bank.
//
// It promises that each command is one call of shared/client under one Idempotency-Key, that
// amounts are read exactly, and that a refusal says what to try next. It decides nothing about
// accounts, and needs no store: the bank may be on another machine. Walk: Command.run -> Flags.Call
// -> Connect -> Explain. Next on the walk: shared/client.
package teller
