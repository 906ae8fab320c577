// Package apitest checks a service's HTTP against the contract.
//
// Its Client sends real requests to a handler. It fails the test unless every answer and every
// accepted request conforms to openapi.yaml, every refusal is a problem document, and no problem
// document contains a value of the request. Routes compares what a server has mounted with what the
// contract lists. Wire and Shapes check the forms of answers and of commands.
//
// It is for tests only: no program imports it, or the validator that it uses.
package apitest
