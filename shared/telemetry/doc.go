// Package telemetry is how a program reports to its operators: structured logs, and metrics that
// Prometheus scrapes.
//
// It promises that each log entry is one line with the level, the message and the request's
// correlation id where there is one; that a condition that lasts is logged at growing intervals;
// and that a metric costs nothing until it is scraped: the counts that a package keeps are read
// then.
//
// Packages log through the *slog.Logger that they are given and register their own counters; they
// keep no global state here.
package telemetry
