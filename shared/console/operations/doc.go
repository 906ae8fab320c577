// Package operations has the console's pages for operators: archive, replay, audit, quarantine, and
// the operators themselves with keys, settings and the log.
//
// It promises that what a page shows is what the API answers to the person who looks; that a job is
// shown with its command line and, where it has one, its dry run before it is started; that a job
// needs ops:write for all tenants, or for the one that it is about, and a key keys:write and no
// scope that its maker lacks; and that the person is the job's actor in the operators' log. Where
// the process runs no jobs, the pages show the commands.
//
// Walk: Routes -> Pages.check -> Pages.start -> Pages.job, and actions.go. Next on the walk: view.
package operations
