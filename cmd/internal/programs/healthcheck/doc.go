// Package healthcheck is the program that asks the process in the same container whether it is
// ready: the image has no shell and no curl.
//
// It ends with 0 if /readyz answers 200, and with 1 otherwise, which is what Docker expects. It
// looks at the listener only: metrics and alarms are about more. Next on the walk: web.
package healthcheck
