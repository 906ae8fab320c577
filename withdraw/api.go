package withdraw

import (
	"net/http"

	"passbook/shared/api"
	"passbook/shared/event"
	"passbook/shared/web"
)

const (
	// actor is who the entries of this service were made by.
	actor         = "withdraw"
	statusCreated = http.StatusCreated
)

// Operations are the service's commands with their routes. The order in which a decoder takes its
// fields is that of the command's canonical form, which repeated keys are compared by: it does not
// change.
func (s *Service) Operations() []api.Operation {
	const of = "POST /v1/accounts/{account_id}"
	return []api.Operation{
		{Op: "withdraw", Actor: actor, Status: statusCreated, Decode: s.withdraw, Routes: []string{of + "/withdrawals", "POST /withdraw"}},
		{Op: "reverse", Actor: actor, Status: statusCreated, Decode: s.reverse, Routes: []string{of + "/withdrawals/{transaction_id}/reversal"}},
		{Op: "hold", Actor: actor, Status: statusCreated, Decode: s.hold, Routes: []string{of + "/holds"}},
		{Op: "capture", Actor: actor, Status: statusCreated, Decode: s.capture, Routes: []string{of + "/holds/{hold_id}/capture"}},
		{Op: "release", Actor: actor, Status: statusCreated, Decode: s.release, Routes: []string{of + "/holds/{hold_id}/release"}},
		{Op: "transfer", Actor: actor, Status: statusCreated, Decode: s.transfer, Routes: []string{"POST /v1/transfers"}},
	}
}

// ExpireOperation is the sweeper's command, which nobody else can send: it has no route.
func (s *Service) ExpireOperation() api.Operation {
	return api.Operation{Op: "expire", Actor: actor, Status: statusCreated, Decode: func(f *web.Fields) api.Call {
		return api.For(f.AccountID("account_id", web.Required), s.Expire, Expire{})
	}}
}

func (s *Service) withdraw(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := Withdraw{
		Amount:      f.Int("amount", web.Required),
		Currency:    f.String("currency", web.Required),
		Kind:        f.String("kind", web.Optional),
		Reference:   event.Text{Plain: f.String("reference", web.Optional)},
		Contra:      f.String("contra", web.Optional),
		EffectiveAt: f.String("effective_at", web.Optional),
	}
	f.Check(c.Validate())
	return api.For(id, s.Withdraw, c)
}

func (s *Service) reverse(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := ReverseWithdrawal{
		TransactionID: f.String("transaction_id", web.Required),
		Reason:        event.Text{Plain: f.String("reason", web.Optional)},
	}
	f.Check(c.Validate())
	call := api.For(id, s.ReverseWithdrawal, c)
	call.Reads = true
	return call
}

func (s *Service) hold(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := PlaceHold{
		Amount:    f.Int("amount", web.Required),
		Currency:  f.String("currency", web.Required),
		Reference: event.Text{Plain: f.String("reference", web.Optional)},
		ExpiresAt: f.String("expires_at", web.Optional),
	}
	f.Check(c.Validate())
	return api.For(id, s.PlaceHold, c)
}

func (s *Service) capture(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := CaptureHold{
		HoldID: f.String("hold_id", web.Required),
		Amount: f.OptInt("amount"),
		Final:  f.OptBool("final"),
	}
	f.Check(c.Validate())
	call := api.For(id, s.CaptureHold, c)
	call.Reads = true
	return call
}

func (s *Service) release(f *web.Fields) api.Call {
	id := f.AccountID("account_id", web.Required)
	c := ReleaseHold{HoldID: f.String("hold_id", web.Required)}
	f.Check(c.Validate())
	call := api.For(id, s.ReleaseHold, c)
	call.Reads = true
	return call
}

func (s *Service) transfer(f *web.Fields) api.Call {
	c := Transfer{
		From:      f.String("from", web.Required),
		To:        f.String("to", web.Required),
		Amount:    f.Int("amount", web.Required),
		Currency:  f.String("currency", web.Required),
		Reference: event.Text{Plain: f.String("reference", web.Optional)},
	}
	f.Check(c.Validate())
	call := api.For(c.From, s.Transfer, c)
	call.Also = c.To
	return call
}
