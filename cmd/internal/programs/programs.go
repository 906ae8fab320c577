package programs

import (
	"passbook/cmd/internal/programs/archiver"
	"passbook/cmd/internal/programs/audit"
	"passbook/cmd/internal/programs/balance"
	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/programs/credit"
	"passbook/cmd/internal/programs/creditlimit"
	"passbook/cmd/internal/programs/replay"
	"passbook/cmd/internal/programs/withdraw"
)

// All are the programs by name. Each runs with the process's arguments and does not return; version
// is what it prints as its own.
var All = map[string]func(version string){
	"bank": bank.Main, "withdraw": withdraw.Main, "credit": credit.Main, "balance": balance.Main, "creditlimit": creditlimit.Main,
	"archiver": archiver.Main, "replay": replay.Main, "audit": audit.Main,
}
