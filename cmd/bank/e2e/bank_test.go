package e2e

import (
	"testing"

	"passbook/cmd/internal/programtest"
)

// bank is a running bank.
type bank struct {
	*programtest.Server
	data string
	// bearer is the credential that requests are sent with, empty for none.
	bearer string
	// webhook is the id of the webhook of tenant north that the matrix of accesses has.
	webhook struct {
		ID string `json:"webhook_id"`
	}
}

// serve starts a bank on a data directory and waits until it is ready. It ends at once when it is
// told to, unless a flag says otherwise, and is killed at the end of the test, if it still runs.
func serve(t *testing.T, data string, flags ...string) *bank {
	t.Helper()
	return serveAs(t, "bank", data, append([]string{"--drain-delay", "0s"}, flags...)...)
}

// serveAs does so with a program of an earlier release, which may know fewer flags.
func serveAs(t *testing.T, program, data string, flags ...string) *bank {
	t.Helper()
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--segment-age", "1s", "--log-level", "warn"}, flags...)
	return &bank{Server: programtest.Start(t, nil, program, args...), data: data}
}
