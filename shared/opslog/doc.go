// Package opslog is the operators' log: who had what done to the bank, why, and how it ended.
//
// It promises that an action is a durable row before it begins, and that its outcome follows in the
// same row; that a page of the log begins with the newest action and is found in time that does not
// grow with the log; and that the log keeps 400 days. It does not promise an outcome: an action
// whose process died has none. What is in an action is text that its caller bounds nowhere: every
// field is cut to a length here. Walk: Begin -> Action.End -> List. Next on the walk: jobs.
package opslog
