package e2e

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"passbook/shared/client"
)

// goClient makes a client of a bank that may be restarted at its address.
func (b *bank) goClient(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{URL: b.Base, Attempts: 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// again starts the bank once more, at the same address.
func (b *bank) again(t *testing.T) *bank {
	t.Helper()
	return serve(t, b.data, "--listen", strings.TrimPrefix(b.Base, "http://"))
}

// TestTheGoClientReadsItsOwnWrites does what the example of package client does, on a bank.
func TestTheGoClientReadsItsOwnWrites(t *testing.T) {
	ctx, b := t.Context(), serve(t, t.TempDir())
	bank := b.goClient(t)
	if _, err := bank.OpenAccount(ctx, client.Open{AccountID: "A-1", Currency: "EUR", CreditLimit: 10000}); err != nil {
		t.Fatal(err)
	}
	for i := range int64(20) {
		credited, err := bank.Credit(ctx, "A-1", client.Credit{Amount: 100, Currency: "EUR", Reference: "salary"})
		if err != nil {
			t.Fatal(err)
		}
		balance, err := bank.Balance(ctx, "A-1")
		if err != nil || balance.Posted != 100*(i+1) || balance.Version < credited.Version {
			t.Fatalf("after credit %d: %+v, %v", i+1, balance, err)
		}
	}
	_, err := bank.Withdraw(ctx, "A-1", client.Withdraw{Amount: 1_000_000, Currency: "EUR"})
	var refused *client.Problem
	if !errors.As(err, &refused) || refused.Code != client.CodeInsufficientFunds || refused.Shortfall != 988_000 {
		t.Fatalf("a withdrawal of too much: %#v", err)
	}
	rehearsed, err := bank.Withdraw(ctx, "A-1", client.Withdraw{Amount: 100, Currency: "EUR"}, client.DryRun())
	if err != nil || rehearsed.Rehearsed.WouldBeStatus != 201 || rehearsed.Rehearsed.Result.Balance.Posted != 1900 {
		t.Fatalf("a dry run: %+v, %v", rehearsed, err)
	}
	if limit, err := bank.CreditLimit(ctx, "A-1", client.MinVersion(22)); err != nil || limit.Limit != 10000 || limit.Declines != 1 {
		t.Fatalf("the line of credit: %+v, %v", limit, err)
	}
	versions := 0
	for event, err := range bank.Events(ctx, "A-1", client.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if versions++; event.Version != int64(versions) || event.Actor.Value == "" {
			t.Fatalf("event %d: %+v", versions, event)
		}
	}
	journey, err := bank.Journey(ctx, "A-1", 22)
	if err != nil || versions != 22 || journey.Request.IdempotencyKey == "" || journey.Entry.Hash == "" {
		t.Fatalf("%d events, and the journey of the last %+v, %v", versions, journey, err)
	}
	b.Terminate()
}

// TestTheGoClientSurvivesKills kills the bank while commands stream in and a feed is followed. Each
// command has one result and moves money once, and the feed gives each event.
func TestTheGoClientSurvivesKills(t *testing.T) {
	const commands, rounds = 3000, 3
	b := serve(t, t.TempDir())
	bank := b.goClient(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := bank.OpenAccount(ctx, client.Open{AccountID: "A-1", Currency: "EUR"}); err != nil {
		t.Fatal(err)
	}
	followed := make(chan error, 1)
	go func() { followed <- follow(ctx, bank, commands+1) }()
	results := 0
	for result, err := range bank.Bulk(ctx, ones(commands)) {
		if err != nil {
			t.Fatalf("after %d results: %v", results, err)
		}
		if results++; result.Line != results || result.Result == nil || result.Result.Version != int64(results+1) {
			t.Fatalf("result %d: %+v, %v", results, result, result.Problem)
		}
		if results%(commands/(rounds+1)) == 0 && results < commands {
			b.Kill()
			b = b.again(t)
		}
	}
	balance, err := bank.Balance(ctx, "A-1")
	if err != nil || results != commands || balance.Posted != commands {
		t.Fatalf("%d results, balance %+v, %v", results, balance, err)
	}
	if err := <-followed; err != nil {
		t.Error(err)
	}
	b.Terminate()
}

// ones makes credits of 1.
func ones(n int) iter.Seq[client.BulkCommand] {
	return func(yield func(client.BulkCommand) bool) {
		for range n {
			if !yield(client.BulkCredit("A-1", client.Credit{Amount: 1, Currency: "EUR"})) {
				return
			}
		}
	}
}

// follow takes the feed until it has had each version of the account, repeats left out.
func follow(ctx context.Context, bank *client.Client, versions int64) error {
	newest := int64(0)
	for item, err := range bank.Feed(ctx, client.FeedQuery{From: "earliest", Account: "A-1"}) {
		switch {
		case err != nil:
			return fmt.Errorf("the feed, at version %d: %w", newest, err)
		case item.Version > newest+1:
			return fmt.Errorf("the feed gives version %d after %d", item.Version, newest)
		case item.Version == newest+1:
			newest++
		}
		if newest == versions {
			return nil
		}
	}
	return fmt.Errorf("the feed ended at version %d", newest)
}
