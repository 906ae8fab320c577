// Package telemetry says how a program of Passbook speaks to whoever runs it: structured logs, and
// metrics that Prometheus scrapes.
//
// It promises that logs are one line each with the level, the message and the request's correlation
// id where there is one, and that a metric costs nothing while nobody scrapes it: what a package
// counts for itself is read when it is asked for.
//
// Packages log through the *slog.Logger that they are given and are measured through their own
// counters; they do not keep global state here. Next on the walk: platform, which opens the stores.
package telemetry
