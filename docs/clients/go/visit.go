package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"passbook-client/passbook"
)

// visit does what a customer does, once, and returns what was not as the contract has it.
func visit(ctx context.Context, url, token string) error {
	bank, err := passbook.NewClientWithResponses(url, passbook.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return nil
	}))
	if err != nil {
		return err
	}
	id := passbook.AccountID("GO-" + strconv.FormatInt(time.Now().UnixNano(), 36))
	opened, err := bank.OpenAccountWithResponse(ctx, &passbook.OpenAccountParams{IdempotencyKey: "open"}, passbook.Open{AccountId: &id, Currency: "EUR"})
	if err != nil || opened.JSON201 == nil {
		return fmt.Errorf("open: %v %s", err, opened.Body)
	}
	credited, err := bank.CreditWithResponse(ctx, id, &passbook.CreditParams{IdempotencyKey: "salary"}, passbook.Credit{Amount: 250000, Currency: "EUR"})
	if err != nil || credited.JSON201 == nil || credited.JSON201.Balance.Posted != 250000 {
		return fmt.Errorf("credit: %v %s", err, credited.Body)
	}
	withdraw := func(key string, amount int64) (*passbook.WithdrawResponse, error) {
		return bank.WithdrawWithResponse(ctx, id, &passbook.WithdrawParams{IdempotencyKey: key}, passbook.Withdraw{Amount: amount, Currency: "EUR"})
	}
	first, err := withdraw("cash", 2500)
	if err != nil || first.JSON201 == nil {
		return fmt.Errorf("withdraw: %v %s", err, first.Body)
	}
	again, err := withdraw("cash", 2500)
	if err != nil || !bytes.Equal(again.Body, first.Body) || again.Headers201.IdempotencyReplayed == nil {
		return fmt.Errorf("retry: %v %s, not %s", err, again.Body, first.Body)
	}
	declined, err := withdraw("too much", 1000000)
	if err != nil {
		return fmt.Errorf("decline: %w", err)
	}
	problem := declined.ApplicationproblemJSON422
	if problem == nil || problem.Type != "/problems/insufficient-funds" || problem.Shortfall == nil || *problem.Shortfall != 752500 || problem.Retryable {
		return fmt.Errorf("decline: %d %s", declined.StatusCode(), declined.Body)
	}
	version, wait := *problem.AccountVersion, "5s"
	balance, err := bank.GetBalanceWithResponse(ctx, id, &passbook.GetBalanceParams{MinVersion: &version, Wait: &wait})
	if err != nil || balance.JSON200 == nil || balance.JSON200.Posted != 247500 {
		return fmt.Errorf("balance: %v %s", err, balance.Body)
	}
	return pages(ctx, bank, id, version)
}

// pages reads the history of an account, one event a page.
func pages(ctx context.Context, bank *passbook.ClientWithResponses, id string, want int64) error {
	one, cursor, last := 1, (*string)(nil), int64(0)
	for {
		page, err := bank.ListEventsWithResponse(ctx, id, &passbook.ListEventsParams{Limit: &one, Cursor: cursor})
		if err != nil || page.JSON200 == nil || len(page.JSON200.Events) != 1 {
			return fmt.Errorf("page: %v %s", err, page.Body)
		}
		if last = page.JSON200.Events[0].Version; !page.JSON200.HasMore {
			break
		}
		cursor = page.JSON200.NextCursor
	}
	if last != want {
		return fmt.Errorf("pages: the last event has version %d, not %d", last, want)
	}
	return nil
}
