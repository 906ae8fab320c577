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
		api.Decided[Open](service, "open", access.AccountsWrite, created, []string{"POST /v1/accounts"}, s.journal, nil),
		api.Decided(service, "credit", access.MoneyCredit, created, []string{onAccount + "/credits", "POST /credit"}, s.journal, s.credit),
		api.Command(service, "reverse", access.MoneyCredit, created, []string{onAccount + "/credits/{transaction_id}/reversal"}, s.reverse).Reading(),
		api.Decided[SetLimit](service, "set-limit", access.LimitsWrite, http.StatusOK, []string{"PUT /v1/accounts/{account_id}/credit-limit"}, s.journal, nil),
		api.Decided[Freeze](service, "freeze", access.AccountsWrite, created, []string{onAccount + "/freeze"}, s.journal, nil),
		api.Decided[Unfreeze](service, "unfreeze", access.AccountsWrite, created, []string{onAccount + "/unfreeze"}, s.journal, nil),
		api.Decided[Close](service, "close", access.AccountsWrite, created, []string{onAccount + "/close"}, s.journal, nil),
	}
}
