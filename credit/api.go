package credit

import (
	"net/http"

	"passbook/shared/access"
	"passbook/shared/api"
)

const (
	// service names this service among those that the commands belong to.
	service = "credit"
	created = http.StatusCreated

	onAccount = "POST /v1/accounts/{account_id}"
)

// Operations lists the service's commands with their routes.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{
		api.Command(service, "open", access.AccountsWrite, created, []string{"POST /v1/accounts"}, api.Decide[Open](s.journal)),
		api.Command(service, "credit", access.MoneyCredit, created, []string{onAccount + "/credits", "POST /credit"}, s.credit),
		api.Command(service, "reverse", access.MoneyCredit, created, []string{onAccount + "/credits/{transaction_id}/reversal"}, s.reverse).Reading(),
		api.Command(service, "set-limit", access.LimitsWrite, http.StatusOK, []string{"PUT /v1/accounts/{account_id}/credit-limit"}, api.Decide[SetLimit](s.journal)),
		api.Command(service, "freeze", access.AccountsWrite, created, []string{onAccount + "/freeze"}, api.Decide[Freeze](s.journal)),
		api.Command(service, "unfreeze", access.AccountsWrite, created, []string{onAccount + "/unfreeze"}, api.Decide[Unfreeze](s.journal)),
		api.Command(service, "close", access.AccountsWrite, created, []string{onAccount + "/close"}, api.Decide[Close](s.journal)),
	}
}
