// Package paststates lists states of accounts at a time, and adds them up by currency.
//
// It promises that all accounts are in the sums, and that the list is bounded and in order of
// tenant and id. Walk: NewSummary -> Summary.Take -> Summary.Sort. Next on the walk: jobs.
package paststates
