package accounts

import (
	"net/http"
	"net/url"

	"passbook/shared/access"
)

// kind says how a field is typed, checked and sent.
type kind string

const (
	ofAmount   kind = "amount"   // minor units, typed with the currency's decimals
	ofCode     kind = "code"     // an id or code
	ofText     kind = "text"     // free text
	ofCurrency kind = "currency" // ISO 4217
	ofChoice   kind = "choice"
	ofDate     kind = "date"
	ofInstant  kind = "instant" // to the minute, UTC
	ofFlag     kind = "flag"
)

// field is a field of a form, named as in the API.
type field struct {
	Name, Label, Hint string
	Kind              kind
	Required          bool
	// InPath says that the path has the field and the body has not; Unsent that neither has it.
	InPath, Unsent bool
	// Choices are the values of a choice; the empty one is left out of the body.
	Choices []choice
	// Sends is what a flag that is set sends.
	Sends bool
	// Needs are the scopes without which the field is not there.
	Needs access.Scopes
}

// choice is a value and what it means.
type choice struct{ Value, Text string }

// operation is a change that the API takes.
type operation struct {
	// Name is the last part of its address, and Title what it does.
	Name, Title string
	// About says what happens, in a sentence.
	About  string
	Method string
	// Path returns the path in the API.
	Path   func(values) string
	Scopes access.Scopes
	Fields []field
	// Danger says that it cannot be undone: the person types the account's id.
	Danger bool
	// Of is the field that names the account; "account_id" for most.
	Of string
}

// The fields that several changes have.
var (
	accountField  = field{Name: "account_id", Label: "Account", Kind: ofCode, Required: true, InPath: true}
	amountField   = field{Name: "amount", Label: "Amount", Kind: ofAmount, Required: true}
	currencyField = field{Name: "currency", Label: "Currency", Kind: ofCurrency, Hint: "ISO 4217, such as EUR. Empty: the account's."}
	unsentField   = field{Name: "currency", Label: "Currency", Kind: ofCurrency, Unsent: true, Hint: "Empty: the account's."}
	referenceFld  = field{Name: "reference", Label: "Reference", Kind: ofText, Hint: "What the holder reads on the statement."}
	contraField   = field{Name: "contra", Label: "Other side", Kind: ofText, Hint: "Such as the merchant or the payer."}
	valueDate     = field{Name: "effective_at", Label: "Value date", Kind: ofDate, Hint: "Empty: today."}
	reasonCode    = field{Name: "reason_code", Label: "Reason code", Kind: ofCode}
	holdField     = field{Name: "hold_id", Label: "Hold", Kind: ofCode, Required: true, InPath: true, Hint: "Such as h4; the account's page lists the open ones."}
	transaction   = field{Name: "transaction_id", Label: "Transaction", Kind: ofCode, Required: true, InPath: true, Hint: "Such as t4; the statement has it."}
	reasonField   = field{Name: "reason", Label: "Reason", Kind: ofText}
)

// forceField returns the field that lets a command pass a rule.
func forceField(label string) field {
	return field{Name: "force", Label: label, Kind: ofFlag, Sends: true, Needs: access.Force}
}

// below returns a function of the path below an account's, whose parts in braces are values.
func below(parts ...string) func(values) string {
	return func(v values) string {
		path := apiPath(v["account_id"])
		for _, part := range parts {
			if part[0] == '{' {
				part = url.PathEscape(v[part[1:len(part)-1]])
			}
			path += "/" + part
		}
		return path
	}
}

// at returns a function of a path that has no values.
func at(path string) func(values) string { return func(values) string { return path } }

// operations are all changes.
var operations = []operation{
	{
		Name: "open", Title: "Open an account", About: "The account is there at once, at version 1.",
		Method: http.MethodPost, Path: at("/v1/accounts"), Scopes: access.AccountsWrite, Of: "account_id",
		Fields: []field{
			{Name: "account_id", Label: "Account id", Kind: ofCode, Hint: "Empty: the bank makes one."},
			{Name: "currency", Label: "Currency", Kind: ofCurrency, Required: true, Hint: "ISO 4217, such as EUR. It never changes."},
			{Name: "holder_ref", Label: "Holder", Kind: ofCode, Hint: "Your reference of the person or firm. No names."},
			{Name: "product", Label: "Product", Kind: ofCode},
			{Name: "credit_limit", Label: "Credit limit", Kind: ofAmount, Hint: "Empty: none."},
		},
	},
	{
		Name: "withdraw", Title: "Withdraw", About: "Declined if the amount is greater than what is available.",
		Method: http.MethodPost, Path: below("withdrawals"), Scopes: access.MoneyWithdraw,
		Fields: []field{
			accountField, amountField, currencyField,
			{Name: "kind", Label: "Kind", Kind: ofChoice, Choices: []choice{{"", "cash"}, {"card", "card"}, {"fee", "fee"}}},
			referenceFld, contraField, valueDate,
		},
	},
	{
		Name: "credit", Title: "Credit", About: "Money comes in.",
		Method: http.MethodPost, Path: below("credits"), Scopes: access.MoneyCredit,
		Fields: []field{
			accountField, amountField, currencyField,
			{Name: "kind", Label: "Kind", Kind: ofChoice, Choices: []choice{{"", "deposit"}, {"repayment", "repayment"}, {"interest", "interest"}, {"adjustment", "adjustment"}}},
			referenceFld, contraField, valueDate,
		},
	},
	{
		Name: "hold", Title: "Hold", About: "Reserves money until it is captured, released or has expired.",
		Method: http.MethodPost, Path: below("holds"), Scopes: access.MoneyWithdraw,
		Fields: []field{
			accountField, amountField, currencyField, referenceFld,
			{Name: "expires_at", Label: "Expires", Kind: ofInstant, Hint: "UTC. Empty: as the bank sets it."},
		},
	},
	{
		Name: "capture", Title: "Capture a hold", About: "Takes reserved money. What remains is released, unless the hold is kept.",
		Method: http.MethodPost, Path: below("holds", "{hold_id}", "capture"), Scopes: access.MoneyWithdraw,
		Fields: []field{
			accountField, holdField, unsentField,
			{Name: "amount", Label: "Amount", Kind: ofAmount, Hint: "Empty: all that remains of the hold."},
			{Name: "final", Label: "Keep what remains on hold", Kind: ofFlag},
		},
	},
	{
		Name: "release", Title: "Release a hold", About: "Reserved money is available again.",
		Method: http.MethodPost, Path: below("holds", "{hold_id}", "release"), Scopes: access.MoneyWithdraw,
		Fields: []field{accountField, holdField},
	},
	{
		Name: "transfer", Title: "Transfer", About: "Both accounts or neither, at one moment.",
		Method: http.MethodPost, Path: at("/v1/transfers"), Scopes: access.MoneyWithdraw, Of: "from",
		Fields: []field{
			{Name: "from", Label: "From account", Kind: ofCode, Required: true},
			{Name: "to", Label: "To account", Kind: ofCode, Required: true},
			amountField, currencyField, referenceFld,
		},
	},
	{
		Name: "reverse-credit", Title: "Reverse a credit", About: "Takes a credit back, once.",
		Method: http.MethodPost, Path: below("credits", "{transaction_id}", "reversal"), Scopes: access.MoneyCredit,
		Fields: []field{accountField, transaction, reasonField, forceField("Even if it was spent, or debits are frozen")},
	},
	{
		Name: "reverse-withdrawal", Title: "Reverse a withdrawal", About: "Gives a withdrawal back, once.",
		Method: http.MethodPost, Path: below("withdrawals", "{transaction_id}", "reversal"), Scopes: access.MoneyWithdraw,
		Fields: []field{accountField, transaction, reasonField},
	},
	{
		Name: "limit", Title: "Set the credit limit", About: "From now on, or until it expires.",
		Method: http.MethodPut, Path: below("credit-limit"), Scopes: access.LimitsWrite,
		Fields: []field{
			accountField, unsentField, {Name: "limit", Label: "New limit", Kind: ofAmount, Required: true}, reasonField,
			{Name: "decided_by", Label: "Decided by", Kind: ofText},
			{Name: "decision_ref", Label: "Decision", Kind: ofText, Hint: "Where the decision is kept."},
			{Name: "expires_at", Label: "Expires", Kind: ofInstant, Hint: "UTC. Empty: never."},
			forceField("Even below what is in use"),
		},
	},
	{
		Name: "freeze", Title: "Freeze", About: "Refuses debits, or everything, until it is unfrozen.",
		Method: http.MethodPost, Path: below("freeze"), Scopes: access.AccountsWrite,
		Fields: []field{
			accountField,
			{Name: "scope", Label: "What is refused", Kind: ofChoice, Choices: []choice{{"", "debits"}, {"all", "all: credits too"}}},
			reasonCode,
		},
	},
	{
		Name: "unfreeze", Title: "Unfreeze", About: "Commands are taken again.",
		Method: http.MethodPost, Path: below("unfreeze"), Scopes: access.AccountsWrite,
		Fields: []field{accountField, reasonCode},
	},
	{
		Name: "close", Title: "Close", About: "For good. It needs a balance of zero and no open hold.",
		Method: http.MethodPost, Path: below("close"), Scopes: access.AccountsWrite, Danger: true,
		Fields: []field{accountField, reasonCode},
	},
}

// of returns the name of the field that names the account.
func (o operation) of() string {
	if o.Of != "" {
		return o.Of
	}
	return accountField.Name
}

// word returns what the person types before a change that destroys or forces, empty for others.
func (o operation) word(v values) string {
	switch {
	case o.Danger:
		return v[o.of()]
	case v["force"] != "":
		return "force"
	}
	return ""
}
