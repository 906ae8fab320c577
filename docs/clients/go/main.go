// Program client is a customer of a bank in Go, on the client that oapi-codegen makes of the bank's
// contract: client URL [TOKEN].
//
// It opens an account, credits it, withdraws, repeats that, is declined with a typed problem, reads
// its balance and the pages of its history. It is an example to copy, and a test of the contract.
//
// Walk: visit -> pages.
package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: client URL [TOKEN]")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	url, token := os.Args[1], ""
	if len(os.Args) > 2 {
		token = os.Args[2]
	}
	if err := visit(ctx, url, token); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
	fmt.Println("go: open, credit, withdraw, decline, balance, pages and retry")
}
