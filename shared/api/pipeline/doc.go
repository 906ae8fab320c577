// Package pipeline answers how the bank's pipeline is: GET /v1/ops/pipeline.
//
// It promises that every figure is one of /metrics, or a row of the control table, read by the
// process that answers; that what is not known is null; and that each item of needs_attention names
// what happened, to what, since when where that is known, and the command that repairs it.
// Operators of one tenant see of the accounts only their own tenant's. It does not promise the
// figures of processes that do not say where their metrics are. Answers are at most a second old,
// and the last audit in them a minute, so that many readers cost no more than one.
//
// Walk: Pipeline.Route -> Pipeline.assemble -> Pipeline.attention. Next on the walk: monitor.
package pipeline
