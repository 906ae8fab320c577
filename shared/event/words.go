package event

// The words that occur in the data of events.
const (
	KindDeposit     = "deposit"
	KindRepayment   = "repayment"
	KindTransferIn  = "transfer_in"
	KindInterest    = "interest"
	KindAdjustment  = "adjustment"
	KindCash        = "cash"
	KindTransferOut = "transfer_out"
	KindCard        = "card"
	KindFee         = "fee"

	OpWithdraw = "withdraw"
	OpHold     = "hold"
	OpTransfer = "transfer"
	OpReversal = "reversal"

	// InsufficientFunds is the only reason of a decline, and the problem code of its answer.
	InsufficientFunds = "insufficient-funds"

	ReasonVoid             = "void"
	ReasonExpired          = "expired"
	ReasonCaptureRemainder = "capture_remainder"

	DirectionDebit  = "debit"
	DirectionCredit = "credit"

	ScopeDebits = "debits"
	ScopeAll    = "all"
)

var (
	creditKinds   = []string{KindDeposit, KindRepayment, KindTransferIn, KindInterest, KindAdjustment}
	withdrawKinds = []string{KindCash, KindTransferOut, KindCard, KindFee}
	declineOps    = []string{OpWithdraw, OpHold, OpTransfer, OpReversal}
	declineWhys   = []string{InsufficientFunds}
	releaseWhys   = []string{ReasonVoid, ReasonExpired, ReasonCaptureRemainder}
	directions    = []string{DirectionDebit, DirectionCredit}
	scopes        = []string{ScopeDebits, ScopeAll}
)
