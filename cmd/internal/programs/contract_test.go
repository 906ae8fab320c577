package programs

import (
	"testing"

	"passbook/cmd/internal/programs/archiver"
	"passbook/cmd/internal/programs/balance"
	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/programs/console"
	"passbook/cmd/internal/programs/credit"
	"passbook/cmd/internal/programs/creditlimit"
	"passbook/cmd/internal/programs/webhooks"
	"passbook/cmd/internal/programs/withdraw"
	"passbook/cmd/internal/serve"
	"passbook/shared/api/apitest"
)

// Each service serves what the contract lists for it, and the bank all of it.
func TestRoutesAreTheContracts(t *testing.T) {
	for _, tt := range []struct {
		program serve.Program
		serves  []string
	}{
		{withdraw.Program, []string{"withdraw", "process"}},
		{credit.Program, []string{"credit", "process"}},
		{balance.Program, []string{"balance", "consumer", "process"}},
		{creditlimit.Program, []string{"creditlimit", "consumer", "process"}},
		{archiver.Program, []string{"archiver", "consumer", "process"}},
		{webhooks.Program, []string{"webhooks", "consumer", "process"}},
		{console.Program, []string{"consumer", "console", "process"}},
		{bank.Program, []string{"credit", "withdraw", "balance", "creditlimit", "archiver", "webhooks", "consumer", "console", "process"}},
	} {
		t.Run(tt.program.Name, func(t *testing.T) {
			apitest.Routes(t, open(t, tt.program, "127.0.0.1:0").Server(), tt.serves...)
		})
	}
}
