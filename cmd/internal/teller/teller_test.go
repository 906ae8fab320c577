package teller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/cmd/internal/cli"
	"passbook/shared/api/remedy"
	"passbook/shared/client"
)

// grammar has the commands as the program has them.
type grammar struct {
	Account  AccountCommand  `cmd:""`
	Balance  BalanceCommand  `cmd:""`
	Credit   CreditCommand   `cmd:""`
	Withdraw WithdrawCommand `cmd:""`
	Transfer TransferCommand `cmd:""`
	Reverse  ReverseCommand  `cmd:""`
	Hold     HoldCommand     `cmd:""`
	Limit    LimitCommand    `cmd:""`
	Config   ConfigCommand   `cmd:""`
}

// asked is a request that the fake bank got.
type asked struct{ method, path, key, ifMatch, authorization, body string }

// fake is a bank that answers as a test says.
type fake struct {
	*httptest.Server
	asked  []asked
	answer func(w http.ResponseWriter, r *http.Request)
}

// newFake starts a fake bank.
func newFake(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *fake {
	t.Helper()
	f := &fake{answer: answer}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		f.asked = append(f.asked, asked{r.Method, r.URL.RequestURI(), r.Header.Get("Idempotency-Key"), r.Header.Get("If-Match"), r.Header.Get("Authorization"), body.String()})
		w.Header().Set("Content-Type", "application/json")
		f.answer(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// done answers a command.
func done(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		fmt.Fprint(w, `{"account_id":"A-1","currency":"JPY","version":3}`)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprint(w, `{"account_id":"A-1","version":4,"transaction_id":"t4","events":[],"balance":{"currency":"EUR","posted":7500,"held":0,"limit":0,"available":7500},"later":{"n":1}}`)
}

// refuse answers with a problem.
func refuse(status int, code, more string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"type":"/problems/%s","title":"Title of it","detail":"The detail.","status":%d%s}`, code, status, more)
	}
}

// outcome is what a command wrote, and its exit code.
type outcome struct {
	code     int
	out, err string
}

// run runs a command line against a bank.
func run(t *testing.T, f *fake, environ []string, args ...string) outcome {
	t.Helper()
	var out, errOut bytes.Buffer
	if f != nil {
		environ = append([]string{"PASSBOOK_SERVER=" + f.URL}, environ...)
	}
	environ = append([]string{"HOME=" + t.TempDir()}, environ...)
	code := cli.Run(context.Background(), "bank", "about", &grammar{}, args, &cli.Terminal{Environ: environ, In: strings.NewReader("from-stdin\n"), Out: &out, Err: &errOut})
	return outcome{code, out.String(), errOut.String()}
}

func TestACommandIsOneCallWithTheAmountInMinorUnits(t *testing.T) {
	for _, tt := range []struct {
		args []string
		path string
		body string
	}{
		{[]string{"withdraw", "A-1", "25.00", "EUR"}, "/v1/accounts/A-1/withdrawals", `"amount":2500,"currency":"EUR"`},
		{[]string{"withdraw", "A-1", "25.00 EUR"}, "/v1/accounts/A-1/withdrawals", `"amount":2500,"currency":"EUR"`},
		{[]string{"withdraw", "A-1", "25.00", "--currency", "EUR"}, "/v1/accounts/A-1/withdrawals", `"amount":2500,"currency":"EUR"`},
		{[]string{"withdraw", "A-1", "--minor", "2500", "--currency", "EUR"}, "/v1/accounts/A-1/withdrawals", `"amount":2500,"currency":"EUR"`},
		{[]string{"credit", "A-1", "--minor", "2500"}, "/v1/accounts/A-1/credits", `"amount":2500,"currency":"JPY"`},
		{[]string{"credit", "A-1", "25"}, "/v1/accounts/A-1/credits", `"amount":25,"currency":"JPY"`},
		{[]string{"transfer", "A-1", "A-2", "0.01", "EUR"}, "/v1/transfers", `"amount":1,"currency":"EUR","from":"A-1","to":"A-2"`},
		{[]string{"hold", "capture", "A-1", "h4", "1", "JPY", "--keep-rest"}, "/v1/accounts/A-1/holds/h4/capture", `"amount":1,"final":false`},
		{[]string{"hold", "capture", "A-1", "h4"}, "/v1/accounts/A-1/holds/h4/capture", `{}`},
		{[]string{"limit", "set", "A-1", "500", "JPY"}, "/v1/accounts/A-1/credit-limit", `"limit":500`},
		{[]string{"limit", "set", "A-1", "0", "JPY"}, "/v1/accounts/A-1/credit-limit", `"limit":0`},
		{[]string{"account", "open", "--currency", "KWD", "--limit", "1.5"}, "/v1/accounts", `"credit_limit":1500,"currency":"KWD"`},
	} {
		f := newFake(t, done)
		got := run(t, f, nil, append(tt.args, "--idempotency-key", "k-1", "--if-match", "3", "--key", "secret-1")...)
		last := asked{}
		if len(f.asked) > 0 {
			last = f.asked[len(f.asked)-1]
		}
		if got.code != 0 || last.path != tt.path || !strings.Contains(last.body, tt.body) || last.key != "k-1" || last.ifMatch != `"3"` || last.authorization != "Bearer secret-1" {
			t.Errorf("%v: %+v\nasked %+v", tt.args, got, last)
		}
	}
}

func TestAnAmountThatIsNotExactIsRefusedBeforeTheBankIsCalled(t *testing.T) {
	for _, tt := range []struct {
		amount []string
		says   string
	}{
		{[]string{"25.001", "EUR"}, "EUR has 2"}, {[]string{"1e3", "EUR"}, "plain decimal"}, {[]string{"1,000.00", "EUR"}, "comma"}, {nil, "no amount"},
		{[]string{"1", "EUR", "x"}, "not an amount"}, {[]string{"5", "--minor", "500"}, "two amounts"}, {[]string{"5", "EUR", "--currency", "USD"}, "in EUR"},
		{[]string{"5", "eur"}, "capital"}, {[]string{""}, "no amount"},
	} {
		f := newFake(t, done)
		if got := run(t, f, nil, append([]string{"withdraw", "A-1"}, tt.amount...)...); got.code != cli.ExitUsage || !strings.Contains(got.err, tt.says) || len(f.asked) > 0 {
			t.Errorf("%q: %+v, asked %v", tt.amount, got, f.asked)
		}
	}
}

func TestEveryRefusalSaysWhatToTryNext(t *testing.T) {
	for _, tt := range []struct {
		answer func(http.ResponseWriter, *http.Request)
		code   int
		says   string
	}{
		{refuse(401, "credentials-missing", ""), cli.ExitFailed, "bank key create"},
		{refuse(403, "scope-missing", `,"scopes":"money:withdraw force"`), cli.ExitFailed, "--scopes money:withdraw,force"},
		{refuse(404, "account-not-found", `,"account_id":"A-9"`), cli.ExitFailed, "bank account open A-9 "},
		{refuse(409, "idempotency-key-reused", ""), cli.ExitFailed, "leave --idempotency-key out"},
		{refuse(412, "version-mismatch", `,"account_id":"A-1"`), cli.ExitFailed, "bank account show A-1"},
		{refuse(422, "insufficient-funds", `,"account_id":"A-1"`), cli.ExitFailed, "bank limit explain A-1"},
		{refuse(422, "already-reversed", ""), cli.ExitFailed, "bank: "},
		{refuse(400, "validation-failed", `,"errors":[{"pointer":"/kind","code":"unknown","detail":"one of cash, card, fee"}]`), cli.ExitUsage, "  kind: one of cash, card, fee"},
		{func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "teapot", http.StatusTeapot) }, cli.ExitFailed, "between this program and the bank"},
	} {
		got := run(t, newFake(t, tt.answer), nil, "withdraw", "A-1", "5", "EUR")
		if got.code != tt.code || !strings.Contains(got.err, tt.says) || got.out != "" || strings.Count(got.err, "bank: ") < 2 {
			t.Errorf("want %d and %q: %+v", tt.code, tt.says, got)
		}
	}
}

func TestAnUnknownOutcomeNamesTheKeyToRepeatWith(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	got := run(t, f, nil, "withdraw", "A-1", "5", "EUR", "--timeout", "300ms")
	f.Close() // the last request may still be on its way
	if len(f.asked) == 0 || f.asked[0].key == "" || got.code != cli.ExitUnreachable || !strings.Contains(got.err, "--idempotency-key "+f.asked[0].key) || !strings.Contains(got.err, "not known") {
		t.Errorf("%+v\nasked %v", got, f.asked)
	}
	if got := run(t, nil, nil, "balance", "A-1", "--server", "http://127.0.0.1:1", "--timeout", "300ms"); got.code != cli.ExitUnreachable || !strings.Contains(got.err, "bank serve") || strings.Contains(got.err, "--idempotency-key") {
		t.Errorf("nobody there: %+v", got)
	}
}

func TestJSONIsTheAnswerAsItCame(t *testing.T) {
	got := run(t, newFake(t, done), nil, "withdraw", "A-1", "5", "EUR", "-o", "ndjson")
	if got.code != 0 || got.err != "" || strings.Count(got.out, "\n") != 1 || !strings.Contains(got.out, `"later":{"n":1}`) {
		t.Errorf("%+v", got)
	}
	if got := run(t, newFake(t, done), nil, "withdraw", "A-1", "5", "EUR", "-o", "csv"); got.out != "account,version,transaction,hold,to,posted,held,limit,available,currency\nA-1,4,t4,,,75.00,0.00,0.00,75.00,EUR\n" {
		t.Errorf("csv: %+v", got)
	}
}

func TestARehearsalThatIsRefusedEndsAsTheCommandWould(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"dry_run":true,"key_used":false,"would_be_status":422,"problem":{"type":"/problems/insufficient-funds","title":"Insufficient funds","detail":"D","status":422}}`)
	})
	got := run(t, f, nil, "withdraw", "A-1", "5", "EUR", "--dry-run")
	if got.code != cli.ExitFailed || !strings.Contains(got.err, "Insufficient funds") || !strings.Contains(got.err, "limit explain") || !strings.HasSuffix(f.asked[0].path, "?dry_run=true") {
		t.Errorf("%+v, asked %v", got, f.asked)
	}
	if got := run(t, f, nil, "withdraw", "A-1", "5", "EUR", "--dry-run", "-o", "json"); got.code != cli.ExitFailed || !strings.Contains(got.out, `"would_be_status": 422`) {
		t.Errorf("json: %+v", got)
	}
}

func TestAKeyIsFromAFileAndIsNeverShown(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("secret-2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFake(t, done)
	environ := []string{"XDG_CONFIG_HOME=" + dir, "PASSBOOK_KEY=@" + filepath.Join(dir, "key")}
	if got := run(t, f, environ, "balance", "A-1"); got.code != 0 || f.asked[0].authorization != "Bearer secret-2" {
		t.Errorf("%+v, asked %v", got, f.asked)
	}
	environ = environ[:1]
	for _, args := range [][]string{{"config", "set", "key", "-"}, {"config", "set", "server", f.URL, "--profile", "other"}} {
		if got := run(t, nil, environ, args...); got.code != 0 || got.out != "" {
			t.Errorf("%v: %+v", args, got)
		}
	}
	for _, args := range [][]string{{"config"}, {"config", "list"}, {"config", "get", "key"}, {"config", "show", "-o", "json"}} {
		if got := run(t, nil, environ, args...); got.code != 0 || strings.Contains(got.out+got.err, "from-stdin") || !strings.Contains(got.out, "(set)") {
			t.Errorf("%v: %+v", args, got)
		}
	}
	if got := run(t, nil, environ, "balance", "A-1", "--profile", "other"); got.code != 0 {
		t.Errorf("the other profile: %+v", got)
	}
	if got := run(t, nil, environ, "balance", "A-1", "--profile", "nobody"); got.code != cli.ExitUsage || !strings.Contains(got.err, "bank config set --profile nobody") {
		t.Errorf("no such profile: %+v", got)
	}
}

func TestStepsAreOfCodesThatExist(t *testing.T) {
	for code, step := range steps {
		if _, known := remedy.Of(string(code)); !known || step == "" {
			t.Errorf("%s is no code of the contract", code)
		}
	}
}

func TestInterruptedIsNoMystery(t *testing.T) {
	err := Explain(&client.CommandError{Key: "k-9", Unknown: true, Err: &client.Unreachable{URL: "http://x", Err: context.Canceled}})
	var f *cli.Failure
	if !errors.As(err, &f) || f.Code != cli.ExitFailed || !strings.Contains(f.Next, "k-9") || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("%v", err)
	}
	if err := Explain(context.DeadlineExceeded); !strings.Contains(err.Error(), "--timeout") {
		t.Error(err)
	}
}
