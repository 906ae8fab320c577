// Package client calls the bank's API for the console, as the person who looks at a page.
//
// It promises that each call has a deadline and each answer a bound, and that a refusal comes back
// as the problem document that the API sent. Inside of a bank the calls take the API's whole way
// without a network. It knows no route and no answer: pages do.
//
// Walk: Client.Get -> Do -> problemOf; Inside -> Transport.Run. Next on the walk: view.
package client
