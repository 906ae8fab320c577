package credit

import (
	"net/http"

	"passbook/shared/api"
)

const (
	// actor names this service in the entries that it makes.
	actor   = "credit"
	created = http.StatusCreated

	onAccount = "POST /v1/accounts/{account_id}"
)

// Operations lists the service's commands with their routes.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{
		api.Command(actor, "open", created, []string{"POST /v1/accounts"}, api.Decide[Open](s.journal)),
		api.Command(actor, "credit", created, []string{onAccount + "/credits", "POST /credit"}, s.credit),
		api.Command(actor, "reverse", created, []string{onAccount + "/credits/{transaction_id}/reversal"}, s.reverse).Reading(),
		api.Command(actor, "set-limit", http.StatusOK, []string{"PUT /v1/accounts/{account_id}/credit-limit"}, api.Decide[SetLimit](s.journal)),
		api.Command(actor, "freeze", created, []string{onAccount + "/freeze"}, api.Decide[Freeze](s.journal)),
		api.Command(actor, "unfreeze", created, []string{onAccount + "/unfreeze"}, api.Decide[Unfreeze](s.journal)),
		api.Command(actor, "close", created, []string{onAccount + "/close"}, api.Decide[Close](s.journal)),
	}
}
