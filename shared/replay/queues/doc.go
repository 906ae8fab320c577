// Package queues publishes the entries of many accounts at once, in the order of each account.
//
// It promises that an entry is sent only after the account's one before it was taken. It keeps the
// entries in memory until they are sent, and does not remember what was sent before. Walk:
// Queues.Add -> Queues.Drain. Next on the walk: publisher.
package queues
