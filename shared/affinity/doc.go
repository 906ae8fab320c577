// Package affinity sends each command to the one writer that its account belongs to, so that
// writers which share accounts do not meet in the journal: no conflicts, no entry published twice,
// no account read by each of them.
//
// Owner picks an account's writer among those that live, by rendezvous hashing over their rows in
// the control table: every writer comes to the same one, and when one comes or goes only its own
// accounts move. Router asks the owner once. Where it cannot be reached, is late or does not know,
// the command is decided where it came in, with the same key, and the owner is passed over for a
// while. What comes from another writer is decided where it arrives, so that no command makes two
// hops.
//
// It promises no order and no exclusion. Two writers may hold themselves for the owner, or both
// decide one command: the journal's condition decides, and the key finds the first answer. What is
// lost when a hop fails is time, a bounded part of the caller's.
//
// Writers talk over TLS on a listener of their own. Both ends prove that they know the secret in
// the target's row, so that only who may read the control table gets in.
//
// Walk: Router.Forward -> Router.Reach -> Client.Send -> Handler -> api.Desk.
package affinity
