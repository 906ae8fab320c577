package client_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/client"
)

func Example() {
	bank, err := client.New(client.Options{URL: bankForExamples()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer bank.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	if _, err := bank.OpenAccount(ctx, client.Open{AccountID: "A-1", Currency: "EUR", CreditLimit: 10000}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := bank.Credit(ctx, "A-1", client.Credit{Amount: 250000, Currency: "EUR", Reference: "salary"}); err != nil {
		fmt.Println(err)
		return
	}
	balance, err := bank.Balance(ctx, "A-1") // sees the credit
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("posted", balance.Posted, "at version", balance.Version)

	_, err = bank.Withdraw(ctx, "A-1", client.Withdraw{Amount: 1000000, Currency: "EUR"})
	var refused *client.Problem
	if errors.As(err, &refused) && refused.Code == client.CodeInsufficientFunds {
		fmt.Println("short by", refused.Shortfall)
	}
	for event, err := range bank.Events(ctx, "A-1", client.EventQuery{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Version, event.Type)
	}
	// Output:
	// posted 250000 at version 2
	// short by 740000
	// 1 AccountOpened
	// 2 MoneyCredited
	// 3 WithdrawalDeclined
}
