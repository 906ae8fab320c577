package withdraw

import (
	"net/http"

	"passbook/shared/access"
	"passbook/shared/api"
)

const (
	// service names this service among those that the commands belong to.
	service = "withdraw"
	created = http.StatusCreated

	onAccount = "POST /v1/accounts/{account_id}"
)

// Operations lists the service's commands with their routes.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{
		api.Decided(service, "withdraw", access.MoneyWithdraw, created, []string{onAccount + "/withdrawals", "POST /withdraw"}, s.journal, s.withdraw),
		api.Command(service, "reverse", access.MoneyWithdraw, created, []string{onAccount + "/withdrawals/{transaction_id}/reversal"}, s.reverse).Reading(),
		api.Decided[PlaceHold](service, "hold", access.MoneyWithdraw, created, []string{onAccount + "/holds"}, s.journal, nil),
		api.Command(service, "capture", access.MoneyWithdraw, created, []string{onAccount + "/holds/{hold_id}/capture"}, s.capture).Reading(),
		api.Command(service, "release", access.MoneyWithdraw, created, []string{onAccount + "/holds/{hold_id}/release"}, s.release).Reading(),
		api.Command(service, "transfer", access.MoneyWithdraw, created, []string{"POST /v1/transfers"}, s.transfer),
	}
}

// ExpireOperation returns the sweeper's command, which nobody else can send: it has no route.
func (s *Service) ExpireOperation() api.Operation {
	return api.Decided[Expire](service, "expire", access.MoneyWithdraw, created, nil, s.journal, nil)
}
