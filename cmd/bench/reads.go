package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"passbook/cmd/bench/driver"
	"passbook/shared/client"
	"passbook/shared/platform"
)

// The bank that is read has many accounts, and one with a long history.
const (
	readAccounts = 10_000
	longHistory  = 100_000
	longAccount  = "A-LONG"
	// declinedEach is how many commands of the long history lie between two that are declined.
	declinedEach = 1000
	// askedWarm is how often each read is measured, and askedCold how often of them right after a
	// start.
	askedWarm, askedCold = 10, 3
	// fillTimeout bounds the making of the bank, and readTimeout one read.
	fillTimeout, readTimeout = 5 * time.Minute, 30 * time.Second
	// slowest is the most milliseconds of a page, and slowestFile of a file of 100,000 lines.
	slowest, slowestFile = 200, 5000
	// first marks the reads that are the first of a process.
	first = "first "
)

// read is a page of the console or a read of the API, and the most milliseconds that it may take.
type read struct {
	path string
	most float64
}

// coldReads returns the reads that depend most on what a process has in memory.
func coldReads() []read {
	const of = "/v1/accounts/" + longAccount
	return []read{
		{"/ui/accounts/" + longAccount, slowest},
		{"/ui/accounts/" + longAccount + "?version=51234", slowest},
		{of + "/series", slowest},
		{of + "/credit-limit?version=51234", 20},
		{of + "/credit-limit/explain?amount=1&version=51234", 20},
	}
}

// warmReads returns all pages of the console, and the reads of an account.
func warmReads() (all []read) {
	for _, path := range []string{
		"", "accounts", "accounts?holder=H-7", "accounts?status=open", "live", "pipeline", "archive", "replay", "audit", "quarantine",
		"operators", "operators?tab=keys", "operators?tab=settings", "operators?tab=health", "keys/new", "me", "change/open",
		"search?q=H-7", "search?q=" + longAccount + ":4", "search?q=NOWHERE",
	} {
		all = append(all, read{"/ui/" + path, slowest})
	}
	for _, path := range []string{
		"", "?version=51234", "?from=20000&to=25000", "?tab=events", "?tab=holds", "?tab=holds&version=51234", "?tab=limit&amount=20000.00",
		"?tab=declines", "?tab=declines&version=51234", "?tab=raw", "/change/withdraw", "/change/limit", "/events/51234",
	} {
		all = append(all, read{"/ui/accounts/" + longAccount + path, slowest})
	}
	all = append(all, read{"/ui/accounts/" + longAccount + "/statement.csv", slowestFile}, read{"/docs", slowest}, read{"/problems/insufficient-funds", slowest})
	for _, path := range []string{"", "/balance", "/balance?version=51234", "/series", "/credit-limit?version=51234", "/credit-limit/explain?amount=1&version=51234"} {
		all = append(all, read{"/v1/accounts/" + longAccount + path, 20})
	}
	return append(all, read{"/v1/events?type=WithdrawalDeclined", slowest}, read{"/v1/holders/H-7/totals", 20})
}

// reads measures pages and reads on the server: each of the cold ones as the first of a process,
// and then each of all.
func (g *targets) reads(ctx context.Context, r *report) (err error) {
	data, err := os.MkdirTemp("", "passbook-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	during := func(do func(s *driver.Bank) error) error {
		s, err := driver.Start(ctx, g.Bank, data, platform.AuthDev)
		if err != nil {
			return err
		}
		return errors.Join(do(s), s.Stop())
	}
	if err := during(func(s *driver.Bank) error { return fillForReads(ctx, s) }); err != nil {
		return err
	}
	for _, cold := range coldReads() {
		for range askedCold {
			if err := during(func(s *driver.Bank) error { return timeRead(ctx, s, r, cold, first) }); err != nil {
				return err
			}
		}
	}
	return during(func(s *driver.Bank) error {
		for _, warm := range warmReads() {
			for range askedWarm {
				if err := timeRead(ctx, s, r, warm, ""); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// timeRead notes how long a read takes until all of it has arrived.
func timeRead(ctx context.Context, s *driver.Bank, r *report, of read, which string) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	began, before := time.Now(), s.CPU()
	if err := page(ctx, s, of.path); err != nil {
		return err
	}
	r.add(measure{what: which + of.path, unit: " ms", target: of.most, atMost: true}, ms(time.Since(began)))
	if which == first {
		r.add(measure{what: "  of a core of the bank", unit: " ms", untargeted: true, group: of.path}, ms(s.CPU()-before))
	}
	return nil
}

// page reads a page to its end. It fails unless the answer is 2xx.
func page(ctx context.Context, s *driver.Bank, path string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Address+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s: %.500s", path, response.Status, text)
	}
	return err
}

// fillForReads opens the accounts and makes the long history, with declines and holds, and waits
// until the last event can be read.
func fillForReads(ctx context.Context, s *driver.Bank) error {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	bank, err := client.New(client.Options{URL: "http://" + s.Address, Wait: readTimeout})
	if err != nil {
		return err
	}
	defer bank.Close()
	for result, err := range bank.Bulk(ctx, readHistory) {
		switch {
		case err != nil:
			return fmt.Errorf("fill the bank: %w", err)
		case result.Problem != nil && result.Problem.Code != client.CodeInsufficientFunds:
			return fmt.Errorf("fill the bank: line %d: %w", result.Line, result.Problem)
		}
	}
	for n := range 3 {
		hold := client.Hold{Amount: 5000, Currency: "EUR", Reference: "hotel"}
		if _, err := bank.PlaceHold(ctx, longAccount, hold, client.Key(fmt.Sprintf("h-%d", n))); err != nil {
			return fmt.Errorf("fill the bank: %w", err)
		}
	}
	if _, err := bank.Balance(ctx, longAccount); err != nil { // as new as the last hold
		return fmt.Errorf("wait until the last event of %s can be read: %w", longAccount, err)
	}
	return nil
}

// readHistory yields the commands that fill the bank.
func readHistory(yield func(client.BulkCommand) bool) {
	for n := range readAccounts {
		open := client.Open{AccountID: fmt.Sprintf("A-%05d", n), Currency: "EUR", HolderRef: fmt.Sprintf("H-%d", n/2), CreditLimit: 100000}
		if !yield(client.BulkOpen(open).WithKey(fmt.Sprintf("o-%d", n))) {
			return
		}
	}
	if !yield(client.BulkOpen(client.Open{AccountID: longAccount, Currency: "EUR", HolderRef: "H-LONG", CreditLimit: 100000000}).WithKey("o-long")) {
		return
	}
	for n := int64(2); n <= longHistory; n++ {
		moved := client.BulkWithdraw(longAccount, client.Withdraw{Amount: 1 + n%977, Currency: "EUR"})
		switch {
		case n%declinedEach == 0:
			moved = client.BulkWithdraw(longAccount, client.Withdraw{Amount: 900_000_000_000, Currency: "EUR"})
		case n%3 == 0:
			moved = client.BulkCredit(longAccount, client.Credit{Amount: 1000 + n%1013, Currency: "EUR"})
		}
		if !yield(moved.WithKey(fmt.Sprintf("l-%d", n))) {
			return
		}
	}
}
