// Package creditlimit is the read model of the use of the accounts' lines of credit, and the
// service that answers queries from it.
//
// The authorised limit is a decision of the bank and an event of the account's history; this
// package decides nothing. It folds what concerns the line (money, holds, limits, declines) and
// shows what is drawn, reserved, available and over the limit, the peak, and the utilisation. When
// the utilisation crosses 50, 80 or 100 percent, upwards or downwards, a message
// CreditLimitThresholdCrossed goes to the notifications stream: at least once, always with the same
// id, and never from a generation that is not live yet.
//
// The past and the history of decisions come from the journal; the version rule, quarantine,
// generations and the sending of messages from package readmodel.
//
// Walk: readmodel.Projector.Run -> Fold -> crossings -> readmodel.Rows.Get. Next on the walk:
// archiver.
package creditlimit
