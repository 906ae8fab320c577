// Package ops runs jobs such as rebuild, audit and redrive inside the process that has the data
// directory locked.
//
// The embedded engine admits one process. A program that would open the data directory itself
// submits its job to the running bank instead: Registry runs jobs and serves them under /ops/jobs,
// on a separate listener that MUST be loopback, and Client submits one, follows its progress and
// returns its result. Programs and bank run the same Func.
//
// It promises at most one job of a name at a time and a bounded list of jobs, of whose large
// results it keeps the newest. A job ends when it is cancelled or the registry closes; a panic in a
// job fails that job only. No credentials are required, and therefore only requests to a loopback
// name are answered. What a job does, and its parameters, are known only to the package that
// registers it.
//
// Walk: Registry.Start -> run -> Func; Routes in api.go; Client.Run. Next on the walk: jobs.
package ops
