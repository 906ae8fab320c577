// Package creditlimit is the read model of what is used of the accounts' lines of credit, and the
// service that answers for it.
//
// The authorised limit is the bank's decision and an event of the account's own history; this
// package never decides a withdrawal. It folds what concerns the line (money, holds, limits,
// declines) and shows what is drawn, reserved, available and over, the peak, and the utilisation.
// When the utilisation crosses 50, 80 or 100 percent, upwards or downwards, a
// CreditLimitThresholdCrossed goes to the notifications stream: at least once, always under the
// same id, and never from a generation that was not live yet.
//
// It leaves the past and the history of decisions to the journal, and the version rule, quarantine,
// generations and the sending itself to package consumer.
//
// Walk: Projector.Run -> readmodel.Follow -> Fold -> crossings -> the row; then Store.Get.
package creditlimit
