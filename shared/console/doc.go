// Package console is the bank in a browser: the pages below /ui/, for people who look at accounts,
// at the pipeline, and after it.
//
// It promises that a page shows what the HTTP API answers to the person who looks, with that
// person's own rights, and nothing else; and that a change is shown, tried and then sent once.
//
// Walk: Routes -> view.Kit -> the pages in the packages below. Next on the walk: view.
package console
