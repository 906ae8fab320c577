// Package webhooks is the program that sends events to webhooks, and serves their endpoints.
//
// It reads the stream and the journal and writes neither. Any number of processes share the shards,
// and each sends what is of its shards. It needs a way to the internet, which no other program
// does: run it where only that is allowed. Walk: open -> readside.Webhooks. Next on the walk:
// delivery.
package webhooks
