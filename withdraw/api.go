package withdraw

import (
	"net/http"

	"passbook/shared/api"
)

const (
	// actor names this service in the entries that it makes.
	actor   = "withdraw"
	created = http.StatusCreated

	onAccount = "POST /v1/accounts/{account_id}"
)

// Operations lists the service's commands with their routes.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{
		api.Command(actor, "withdraw", created, []string{onAccount + "/withdrawals", "POST /withdraw"}, s.withdraw),
		api.Command(actor, "reverse", created, []string{onAccount + "/withdrawals/{transaction_id}/reversal"}, s.reverse).Reading(),
		api.Command(actor, "hold", created, []string{onAccount + "/holds"}, api.Decide[PlaceHold](s.journal)),
		api.Command(actor, "capture", created, []string{onAccount + "/holds/{hold_id}/capture"}, s.capture).Reading(),
		api.Command(actor, "release", created, []string{onAccount + "/holds/{hold_id}/release"}, s.release).Reading(),
		api.Command(actor, "transfer", created, []string{"POST /v1/transfers"}, s.transfer),
	}
}

// ExpireOperation returns the sweeper's command, which nobody else can send: it has no route.
func (s *Service) ExpireOperation() api.Operation {
	return api.Command(actor, "expire", created, nil, api.Decide[Expire](s.journal))
}
