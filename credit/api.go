package credit

import (
	"net/http"

	"passbook/shared/account"
	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/web"
)

const (
	// actor is who the entries of this service were made by.
	actor         = "credit"
	statusCreated = http.StatusCreated
)

// Operations are the service's commands with their routes. The order in which a decoder takes its
// fields is that of the command's canonical form, which repeated keys are compared by: it does not
// change.
func (s *Service) Operations() []api.Operation {
	const of = "POST /v1/accounts/{account_id}"
	return []api.Operation{
		{Op: "open", Actor: actor, Status: statusCreated, Decode: s.open, Routes: []string{"POST /v1/accounts"}},
		{Op: "credit", Actor: actor, Status: statusCreated, Decode: s.credit, Routes: []string{of + "/credits", "POST /credit"}},
		{Op: "reverse", Actor: actor, Status: statusCreated, Decode: s.reverse, Routes: []string{of + "/credits/{transaction_id}/reversal"}},
		{Op: "set-limit", Actor: actor, Status: http.StatusOK, Decode: s.setLimit, Routes: []string{"PUT /v1/accounts/{account_id}/credit-limit"}},
		{Op: "freeze", Actor: actor, Status: statusCreated, Decode: s.freeze, Routes: []string{of + "/freeze"}},
		{Op: "unfreeze", Actor: actor, Status: statusCreated, Decode: s.unfreeze, Routes: []string{of + "/unfreeze"}},
		{Op: "close", Actor: actor, Status: statusCreated, Decode: s.close, Routes: []string{of + "/close"}},
	}
}

// open makes the account's id from the key when there is none, so that a repeated open meets
// itself.
func (s *Service) open(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Optional)
	c := Open{
		AccountID:   id,
		Currency:    f.String("currency", web.Required),
		HolderRef:   f.String("holder_ref", web.Optional),
		Product:     f.String("product", web.Optional),
		CreditLimit: f.Int("credit_limit", web.Optional),
	}
	f.Check(c.Validate())
	if id == "" {
		id = account.MakeID(api.Tenant, f.Key)
	}
	return api.For(id, s.Open, c)
}

func (s *Service) credit(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := Credit{
		Amount:      f.Int("amount", web.Required),
		Currency:    f.String("currency", web.Required),
		Kind:        f.String("kind", web.Optional),
		Reference:   event.Text{Plain: f.String("reference", web.Optional)},
		Contra:      f.String("contra", web.Optional),
		EffectiveAt: f.String("effective_at", web.Optional),
	}
	f.Check(c.Validate())
	return api.For(id, s.Credit, c)
}

func (s *Service) reverse(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := ReverseCredit{
		TransactionID: f.String("transaction_id", web.Required),
		Reason:        event.Text{Plain: f.String("reason", web.Optional)},
		Force:         f.Bool("force"),
	}
	f.Check(c.Validate())
	call := api.For(id, s.ReverseCredit, c)
	call.Reads = true
	return call
}

func (s *Service) setLimit(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := SetLimit{
		Limit:       f.OptInt("limit"),
		Reason:      event.Text{Plain: f.String("reason", web.Optional)},
		DecidedBy:   f.String("decided_by", web.Optional),
		DecisionRef: f.String("decision_ref", web.Optional),
		ExpiresAt:   f.String("expires_at", web.Optional),
		Force:       f.Bool("force"),
	}
	f.Check(c.Validate())
	return api.For(id, s.SetLimit, c)
}

func (s *Service) freeze(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := Freeze{Scope: f.String("scope", web.Optional), ReasonCode: f.String("reason_code", web.Optional)}
	f.Check(c.Validate())
	return api.For(id, s.Freeze, c)
}

func (s *Service) unfreeze(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := Unfreeze{ReasonCode: f.String("reason_code", web.Optional)}
	f.Check(c.Validate())
	return api.For(id, s.Unfreeze, c)
}

func (s *Service) close(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := Close{ReasonCode: f.String("reason_code", web.Optional)}
	f.Check(c.Validate())
	return api.For(id, s.Close, c)
}
