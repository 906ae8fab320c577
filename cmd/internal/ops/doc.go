// Package ops runs jobs inside a process that holds the data: rebuild, audit, redrive and their
// like.
//
// The embedded engine admits one process. A program that would open the data directory itself hands
// its job to the bank that holds it instead: Registry runs jobs and serves them under /ops/jobs, on
// a listener of its own that MUST be loopback, and Client submits one, follows its progress and
// brings its result home. Programs and bank run the same Func.
//
// It promises: at most one job of a name at a time; a bounded list; a job ends when it is cancelled
// or the registry closes; a panic in a job fails that job alone. It asks for no credentials, which
// is why it answers only requests that were sent to a loopback name. What a job does and what its
// parameters mean is for whoever registers it.
//
// Walk: Registry.Start -> run -> Func; Routes in api.go; Client.Run on the other side.
package ops
