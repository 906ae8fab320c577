// Package affinity sends each command to the one writer that its account belongs to, so that
// writers which share accounts do not conflict in the journal: no entry is decided twice or
// published twice, and no account is loaded by each of them.
//
// The owner of an account is chosen among the live writers by rendezvous hashing over their rows in
// the control table. Every writer chooses the same one, and when one comes or goes only its own
// accounts move. Router asks the owner once. When the owner cannot be reached, is late or does not
// know the account, the command is decided where it came in, with the same key, and the owner is
// skipped for a while. A command from another writer is decided where it arrives, so that no
// command makes two hops.
//
// It promises no order and no exclusion. Two writers may both be the owner in their own view, or
// both decide one command: the journal's condition decides, and the key finds the first answer. A
// failed hop costs time, a bounded part of the caller's.
//
// Writers talk over TLS on a separate listener. Both ends prove that they know the secret in the
// target's row, so that only processes that may read the control table are served. Each call has
// the tenant and the actor that its sender checked, and is signed with a key of the bank, so that
// who can only read that table commands nothing. A writer of another release takes no calls.
//
// Walk: Router.Forward -> Router.Reach -> Client.Send -> Server.decide -> api.Receiver.
package affinity
