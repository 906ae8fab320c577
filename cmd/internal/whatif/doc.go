// Package whatif decides a bank's past commands again, by other rules.
//
// Rules are other limits and other fees. An Account takes the entries of one account from version 1
// on, finds out from the events of each command what was asked for, has withdraw's or credit's
// Decide decide it on a separate state, and continues with what that one says: a withdrawal that
// would have been declined leaves the money there for the next one. A Report lists the decisions
// that would differ and adds up the money at stake. By the bank's own rules nothing differs.
//
// It assumes that customers would have sent the same commands, and that of other accounts the same
// transfers would have come. History does not have all of a command that was declined: of a hold
// neither its expiry nor what would have become of it, so that it stays held; of a transfer not who
// would have been paid, so that only the payer is decided again. What was refused is not in history
// at all.
//
// It keeps of an account no more than its state and what of it differs.
// Walk: ParseRules -> Report.Account -> Account.Add. Next on the walk: jobs, whose
// PastCommand makes the commands.
package whatif
