// Package reference makes the pages that explain the API: the contract with its examples, each
// operation with a form to try it, and for each problem type its cause and what to do.
//
// The pages are made from the contract and the list of problem types that the server answers with,
// so they cannot say anything else. All but the answers to what is tried are open to everybody. A
// command is not sent from here: its form is the console's, which shows it and its dry run first.
//
// Walk: Routes -> readContract -> pages.operation. Next on the walk: session.
package reference
