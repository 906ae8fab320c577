// Package deployment names what every deployment of Passbook consists of: its streams, the consumer
// that archives them, and its stores as one set.
//
// It promises that programs, jobs and tests mean the same stores. It knows no read model and no
// service, so that a command service that imports it links none of them. Next on the walk:
// stores.
package deployment
