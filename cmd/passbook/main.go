// Command passbook is every program of Passbook in one file, as the image ships it: it runs the
// program that it is called as, by a link of that name, or that its first argument names.
package main

import (
	"os"

	"passbook/cmd/internal/programs/archiver"
	"passbook/cmd/internal/programs/audit"
	"passbook/cmd/internal/programs/balance"
	"passbook/cmd/internal/programs/bank"
	"passbook/cmd/internal/programs/console"
	"passbook/cmd/internal/programs/credit"
	"passbook/cmd/internal/programs/creditlimit"
	"passbook/cmd/internal/programs/healthcheck"
	"passbook/cmd/internal/programs/replay"
	"passbook/cmd/internal/programs/webhooks"
	"passbook/cmd/internal/programs/withdraw"
)

// version is set by the linker.
var version = "dev"

// programs are the programs by name. Each runs with the process's arguments and does not return.
var programs = map[string]func(version string){
	"bank":     func(version string) { bank.Main(version, &replay.Below{}, &audit.Below{}) },
	"withdraw": withdraw.Main, "credit": credit.Main, "balance": balance.Main, "creditlimit": creditlimit.Main,
	"archiver": archiver.Main, "webhooks": webhooks.Main, "console": console.Main, "replay": replay.Main, "audit": audit.Main, "healthcheck": healthcheck.Main,
}

func main() {
	run, args := choose(os.Args)
	if run == nil {
		os.Exit(usage(os.Args, os.Stdout, os.Stderr))
	}
	os.Args = args
	run(version)
}
