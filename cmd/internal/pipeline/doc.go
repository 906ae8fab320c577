// Package pipeline has no code: it tests the whole pipeline, as the programs put it together, on
// stores that refuse what AWS refuses and count what AWS bills, at AWS's distance. It runs in
// virtual time, so that what it holds does not depend on the machine: how fast one account is, what
// a command costs, and that what a line loses, a writer leaves behind or an index shows late is
// made good.
package pipeline
