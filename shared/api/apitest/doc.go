// Package apitest holds a service's HTTP against the contract.
//
// Its Client sends real requests to a handler and fails the test unless every answer is as
// openapi.yaml has it, every request that was accepted is too, every refusal is a problem document,
// and no value of a request stands in one. Routes compares what a server has mounted with what the
// contract lists.
//
// It is for tests alone: nothing that is shipped imports it, nor the validator that it stands on.
package apitest
