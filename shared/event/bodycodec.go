package event

import (
	"passbook/shared/canonicaljson"
	"passbook/shared/money"
)

// Bounds of the strings in an event's data, in bytes. Text has MaxTextBytes.
const (
	maxNameBytes = 64
	// maxContraBytes lets a contra be an event id: an account id of 64 bytes, a colon and a
	// version.
	maxContraBytes = 80
)

// Each body lists its fields once, for writing and for reading. The order is that of the data on
// the wire, and never changes for a schema that was released.

func (b *AccountOpened) fields(c *canonicaljson.Codec) {
	c.OptString("holder_ref", &b.HolderRef, maxNameBytes)
	c.SmallInt("exponent", &b.Exponent, 0, 4)
	c.OptString("product", &b.Product, maxNameBytes)
	c.Int("credit_limit", &b.CreditLimit, 0, money.Max)
}

func (b *MoneyCredited) fields(c *canonicaljson.Codec) {
	c.Int("amount", &b.Amount, 1, money.Max)
	c.Enum("kind", &b.Kind, creditKinds)
	c.OptString("contra", &b.Contra, maxContraBytes)
	textField(c, "reference", &b.Reference, MaxTextBytes)
}

func (b *MoneyWithdrawn) fields(c *canonicaljson.Codec) {
	c.Int("amount", &b.Amount, 1, money.Max)
	c.Enum("kind", &b.Kind, withdrawKinds)
	c.OptString("contra", &b.Contra, maxContraBytes)
	textField(c, "reference", &b.Reference, MaxTextBytes)
	c.OptString("hold_id", &b.HoldID, maxNameBytes)
	c.Int("from_own", &b.FromOwn, 0, money.Max)
	c.Int("from_credit", &b.FromCredit, 0, money.Max)
	checkID(c, "hold_id", holdPrefix, b.HoldID, b.HoldID == "")
	c.Check(b.FromOwn+b.FromCredit == b.Amount, "from_credit", "must be amount less from_own")
}

func (b *WithdrawalDeclined) fields(c *canonicaljson.Codec) {
	c.Enum("op", &b.Op, declineOps)
	c.Int("amount", &b.Amount, 1, money.Max)
	c.Enum("reason", &b.Reason, declineWhys)
	// The available amount is a balance, less the held amount, plus a limit.
	c.Int("available", &b.Available, -2*money.Max, 2*money.Max)
	c.Int("limit", &b.Limit, 0, money.Max)
	c.Int("shortfall", &b.Shortfall, 1, 3*money.Max)
	c.Check(b.Shortfall == b.Amount-b.Available, "shortfall", "must be amount less available")
}

func (b *HoldPlaced) fields(c *canonicaljson.Codec) {
	c.Int("amount", &b.Amount, 1, money.Max)
	textField(c, "reference", &b.Reference, MaxTextBytes)
	c.OptTime("expires_at", &b.ExpiresAt)
}

func (b *HoldCaptured) fields(c *canonicaljson.Codec) {
	c.String("hold_id", &b.HoldID, maxNameBytes)
	c.Int("amount", &b.Amount, 1, money.Max)
	c.Int("remaining", &b.Remaining, 0, money.Max)
	c.Bool("final", &b.Final)
	checkID(c, "hold_id", holdPrefix, b.HoldID, false)
	c.Check(b.Final || b.Remaining > 0, "final", "must be true when nothing remains")
}

func (b *HoldReleased) fields(c *canonicaljson.Codec) {
	c.String("hold_id", &b.HoldID, maxNameBytes)
	c.Int("amount", &b.Amount, 1, money.Max)
	c.Enum("reason", &b.Reason, releaseWhys)
	checkID(c, "hold_id", holdPrefix, b.HoldID, false)
}

func (b *TransactionReversed) fields(c *canonicaljson.Codec) {
	c.String("original_transaction_id", &b.OriginalTransactionID, maxNameBytes)
	c.Enum("direction", &b.Direction, directions)
	c.Int("amount", &b.Amount, 1, money.Max)
	textField(c, "reason", &b.Reason, MaxTextBytes)
	c.Bool("forced", &b.Forced)
	checkID(c, "original_transaction_id", transactionPrefix, b.OriginalTransactionID, false)
}

func (b *CreditLimitChanged) fields(c *canonicaljson.Codec) {
	c.Int("before", &b.Before, 0, money.Max)
	c.Int("after", &b.After, 0, money.Max)
	c.OptTime("expires_at", &b.ExpiresAt)
	textField(c, "reason", &b.Reason, MaxTextBytes)
	c.OptString("decided_by", &b.DecidedBy, maxNameBytes)
	c.OptString("decision_ref", &b.DecisionRef, maxNameBytes)
	c.Bool("forced", &b.Forced)
	c.OptInt("expired_version", &b.ExpiredVersion, MaxVersion)
	c.Check(b.After > 0 || b.ExpiresAt.IsZero(), "expires_at", "must be absent at limit 0")
	c.Check(b.After == 0 || b.ExpiredVersion == 0, "expired_version", "must be absent unless the limit falls to 0")
}

func (b *AccountFrozen) fields(c *canonicaljson.Codec) {
	c.Enum("scope", &b.Scope, scopes)
	c.OptString("reason_code", &b.ReasonCode, maxNameBytes)
}

func (b *AccountUnfrozen) fields(c *canonicaljson.Codec) {
	c.OptString("reason_code", &b.ReasonCode, maxNameBytes)
}

func (b *AccountClosed) fields(c *canonicaljson.Codec) {
	c.OptString("reason_code", &b.ReasonCode, maxNameBytes)
}

// checkID fails the field unless the id names a version.
func checkID(c *canonicaljson.Codec, field string, prefix byte, id string, absent bool) {
	if !absent {
		_, ok := ParseID(prefix, id)
		c.Check(ok, field, "must be "+string(rune(prefix))+" and a version")
	}
}
