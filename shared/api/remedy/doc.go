// Package remedy says of each problem type what causes it, and what to do: to the pages of the
// problems and to the command line.
//
// It promises that every code of shared/api has a cause and a fix, in problems.yaml; its test
// compares the two. Titles and details are the problem types' own. Walk: Of. Next on the walk:
// shared/console/reference.
package remedy
