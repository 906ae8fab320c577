package teller

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"passbook/cmd/internal/cli"
	"passbook/shared/api/remedy"
	"passbook/shared/client"
)

// Explain gives an error of the client the code that the program ends with, and what to try next.
func Explain(err error) error {
	var failure *cli.Failure
	if err == nil || errors.As(err, &failure) {
		return err
	}
	made := explained(err)
	var command *client.CommandError
	if errors.As(err, &command) && command.Unknown {
		made.Err = fmt.Errorf("%w\nthe outcome is not known: the bank may have done it", made.Err)
		made.Next = fmt.Sprintf("repeat the same command with --idempotency-key %s: it answers what happened, and moves no money twice", command.Key)
	}
	return made
}

// explained explains an error without regard to the outcome of a command.
func explained(err error) *cli.Failure {
	var refused *client.Problem
	var silent *client.Unreachable
	switch {
	case errors.As(err, &refused):
		return &cli.Failure{Code: exitCode(refused), Err: refusal(refused), Next: next(refused)}
	case errors.As(err, &silent):
		return unreachable(silent)
	case errors.Is(err, context.DeadlineExceeded):
		return &cli.Failure{Code: cli.ExitUnreachable, Err: errors.New("no answer within --timeout"), Next: "bank doctor looks for the reason; --timeout 2m waits longer"}
	case errors.Is(err, context.Canceled):
		return &cli.Failure{Code: cli.ExitFailed, Err: errInterrupted}
	}
	return &cli.Failure{Code: cli.ExitFailed, Err: err}
}

// unreachable explains that no answer came.
func unreachable(silent *client.Unreachable) *cli.Failure {
	f := &cli.Failure{Code: cli.ExitUnreachable, Err: silent, Next: "start a bank on this machine with bank serve, or name another one: --server URL, PASSBOOK_SERVER, or bank config set server URL"}
	var untrusted *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(silent, &untrusted):
		f.Next = "let this machine trust the authority of the certificate (SSL_CERT_FILE names a file of them), and use the name that is in it"
	case errors.As(silent, &record), strings.Contains(silent.Error(), "server gave HTTP response to HTTPS client"):
		f.Next = "that port speaks HTTP without TLS: write http:// in --server"
	case errors.Is(silent, context.DeadlineExceeded):
		f.Next = "the bank is slow, or something before it takes requests without answering: bank doctor looks for the reason, --timeout 2m waits longer"
	case errors.Is(silent, context.Canceled):
		f.Code, f.Err, f.Next = cli.ExitFailed, errInterrupted, ""
	}
	return f
}

// refusal returns the text of a problem. A field that is wrong has a line.
func refusal(p *client.Problem) error {
	var text strings.Builder
	text.WriteString(p.Title)
	if p.Detail != "" {
		text.WriteString(": " + p.Detail)
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&text, "\n  %s: %s", strings.TrimPrefix(e.Pointer, "/"), e.Detail)
	}
	return errors.New(text.String())
}

// exitCode returns the code that the program ends with after a problem.
func exitCode(p *client.Problem) int {
	switch {
	case p.Code == client.CodeValidationFailed, p.Code == client.CodeIdempotencyKeyInvalid:
		return cli.ExitUsage
	case p.Code == client.CodeProjectionBehind, p.Retryable && p.Status == http.StatusTooManyRequests, p.Code == client.CodeOverloaded:
		return cli.ExitBehind
	case p.Status == http.StatusServiceUnavailable, p.Code == "" && p.Status >= http.StatusInternalServerError:
		return cli.ExitUnreachable
	}
	return cli.ExitFailed
}

// steps are what to try next at the command line, by the code of the problem. Other codes have the
// remedy of the contract.
var steps = map[client.Code]string{
	client.CodeAccountNotFound:       "bank account list shows the accounts; bank account open ID --currency EUR opens one",
	client.CodeAccountExists:         "bank account show ID looks at it",
	client.CodeAccountFrozen:         "bank account show ID says what is frozen; bank account unfreeze ID ends it",
	client.CodeAccountClosed:         "a closed account stays closed: bank account open opens another one",
	client.CodeAccountNotEmpty:       "bank balance ID and bank hold list ID show what is left; withdraw it, and release the holds",
	client.CodeCredentialsMissing:    "this bank asks for a key: where it runs, bank key create --name NAME --scopes all prints one; give it with --key @FILE, PASSBOOK_KEY or bank config set key -",
	client.CodeCredentialsInvalid:    "bank config shows which key is used and where it is from; where the bank runs, bank key list shows the keys, and bank key create makes another one",
	client.CodeCredentialsExpired:    "where the bank runs, bank key create --name NAME --scopes all makes another key",
	client.CodeCurrencyMismatch:      "bank account show ID says in which currency it is kept",
	client.CodeHoldNotFound:          "bank hold list ID shows the open holds",
	client.CodeHoldNotActive:         "bank hold list ID shows the open holds; bank account events ID says how this one ended",
	client.CodeHoldAmountExceeded:    "bank hold list ID shows what the hold reserves",
	client.CodeIdempotencyKeyReused:  "another command had this key in the last 24 hours: leave --idempotency-key out, or repeat that command unchanged",
	client.CodeInsufficientFunds:     "bank balance ID shows what is available; bank limit explain ID AMOUNT says what decides",
	client.CodeLimitBelowUsage:       "bank limit show ID says what is in use; --force sets the limit below it",
	client.CodeTransactionNotFound:   "bank account statement ID lists the transactions",
	client.CodeVersionNotFound:       "bank account show ID says which version it is at",
	client.CodeVersionMismatch:       "bank account show ID says what changed; then repeat with --if-match of its version",
	client.CodeProjectionBehind:      "try again in a moment; bank lag shows where the consumers are",
	client.CodeValidationFailed:      "correct it and try again; --help says what is expected",
	client.CodeIdempotencyKeyInvalid: "--idempotency-key has 1 to 255 printable characters of ASCII",
	client.CodeOverloaded:            "the bank is busy and has stored nothing: try again in a moment",
	client.CodeWebhookNotFound:       "bank webhook list shows the webhooks",
	client.CodeWebhookExists:         "bank webhook list shows it; bank webhook remove removes it",
	client.CodeDeliveryNotFound:      "bank webhook deliveries lists what a webhook has",
	client.CodeTooManyWebhooks:       "bank webhook list shows them; remove one that is not needed",
	client.CodeUnsupportedCurrency:   "write the three capital letters of a currency in use, as EUR",
}

// next returns what to try after a problem.
func next(p *client.Problem) string {
	account := p.AccountID
	switch step, ok := steps[p.Code]; {
	case p.Code == client.CodeScopeMissing && p.Scopes != "":
		return fmt.Sprintf("use a key that may: where the bank runs, bank key create --name NAME --scopes %s", strings.ReplaceAll(strings.TrimSpace(p.Scopes), " ", ","))
	case ok && account != "":
		return strings.ReplaceAll(step, " ID", " "+account)
	case ok:
		return step
	}
	if r, ok := remedy.Of(string(p.Code)); ok {
		return r.Fix
	}
	return "bank doctor looks for what is between this program and the bank"
}
