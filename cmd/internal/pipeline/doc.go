// Package pipeline has no code: it tests the whole pipeline, as the programs put it together, on
// stores that refuse what AWS refuses and count what AWS bills, at AWS's distance. It runs in
// virtual time, so that its figures do not depend on the machine: how fast one account is, what a
// command costs, and that nothing is lost by a broken connection, a dead writer or a late index.
// Next on the walk: faults.
package pipeline
