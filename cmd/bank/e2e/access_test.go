package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"passbook/cmd/internal/programtest"
	"passbook/shared/access"
	"passbook/shared/access/apikey"
	"passbook/shared/access/oidc/oidctest"
	"passbook/shared/journal"
	"passbook/shared/platform"
)

// How what belongs to another tenant is kept out of a route.
const (
	// foreignID: the account that the path or body names is not found, as one that does not exist.
	foreignID = "foreign id"
	// freeID: the id is free in the caller's tenant, and the command is carried out there.
	freeID = "free id"
	// foreignLine: the result of a line has account-not-found.
	foreignLine = "foreign line"
	// noID: the route names nothing that a tenant has; what it lists is the caller's own.
	noID = "no id"
	// wholeBank: the route shows what is of all tenants, and refuses an operator of one.
	wholeBank = "whole bank"
	// foreignWebhook: the webhook that the path names is not found.
	foreignWebhook = "foreign webhook"
)

// accessRows has a row for each route of the contract that asks for credentials. A route without
// one fails the test: who adds a route says here how other tenants are kept out of it.
var accessRows = map[string]string{
	"openAccount": freeID, "listAccounts": noID, "getAccount": foreignID, "credit": foreignID, "reverseCredit": foreignID,
	"freeze": foreignID, "unfreeze": foreignID, "close": foreignID, "setCreditLimit": foreignID,
	"getCreditLimit": foreignID, "getCreditLimitHistory": foreignID, "explainCreditLimit": foreignID, "getCreditLimitShort": foreignID,
	"withdraw": foreignID, "reverseWithdrawal": foreignID, "placeHold": foreignID, "listHolds": foreignID,
	"captureHold": foreignID, "releaseHold": foreignID, "transfer": foreignID, "bulk": foreignLine,
	"getBalance": foreignID, "getStatement": foreignID, "getStatementFile": foreignID, "listEvents": foreignID, "getSeries": foreignID, "getJourney": foreignID, "getBalanceShort": foreignID,
	"withdrawShort": foreignID, "creditShort": foreignID, "listConsumers": noID, "metrics": noID, "getOpsLog": noID,
	"listAllEvents": noID, "getHolderTotals": noID, "readFeed": noID, "getPipeline": noID, "getTotals": noID,
	"getQuarantine": noID, "getGenerations": noID, "listKeys": noID,
	"getArchive": wholeBank, "listSegments": wholeBank, "getDayTotals": wholeBank, "downloadSegment": wholeBank, "getSettings": wholeBank,
	"listWebhooks": noID, "createWebhook": freeID, "getWebhook": foreignWebhook, "changeWebhook": foreignWebhook, "removeWebhook": foreignWebhook,
	"rotateWebhookSecret": foreignWebhook, "testWebhook": foreignWebhook, "listDeliveries": foreignWebhook, "replayWebhook": foreignWebhook,
}

// operation is an operation of the contract.
type operation struct {
	ID       string            `json:"operationId"`
	Security *[]map[string]any `json:"security"`
	Scopes   []string          `json:"x-passbook-scopes"`
	AnyScope []string          `json:"x-passbook-any-scope"`
	Body     struct {
		Content map[string]struct {
			Example any `json:"example"`
		} `json:"content"`
	} `json:"requestBody"`
	Parameters []struct {
		Name string `json:"name"`
		In   string `json:"in"`
		Ref  string `json:"$ref"`
	} `json:"parameters"`
}

// open reports whether the operation asks for no credentials.
func (o operation) open() bool { return o.Security != nil && len(*o.Security) == 0 }

// sample is a request to a route that succeeds, or is refused by an account's rules, with the right
// credentials.
type sample struct {
	operation
	method, path, media, body string
	// pages says that the route takes a cursor.
	pages bool
	// needed are the scopes that the contract names.
	needed access.Scopes
}

// granted returns the scopes that the sample needs, with those for what is in it.
func (s sample) granted() access.Scopes {
	if s.ID == "openAccount" { // the example has a limit
		return s.needed | access.LimitsWrite
	}
	return s.needed
}

// samples makes a request of each route that asks for credentials, from the examples of the
// contract that the bank serves.
func (b *bank) samples(t *testing.T) (all []sample) {
	t.Helper()
	response, err := httpClient.Get(b.Base + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var contract struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.NewDecoder(response.Body).Decode(&contract); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{account_id}", "A-1", "{transaction_id}", "t2", "{hold_id}", "h4", "{version}", "4", "{holder_ref}", "H-1", "{webhook_id}", b.webhook.ID)
	for path, operations := range contract.Paths {
		for method, o := range operations {
			if o.open() {
				continue
			}
			if accessRows[o.ID] == "" {
				t.Errorf("%s %s (%s) has no row in accessRows: say how other tenants are kept out of it", method, path, o.ID)
			}
			s := sample{operation: o, method: strings.ToUpper(method), path: fill.Replace(path)}
			if s.needed, err = access.Parse(slices.Concat(o.Scopes, o.AnyScope)); err != nil || s.needed == 0 {
				t.Fatalf("%s: scopes %v %v: %v", o.ID, o.Scopes, o.AnyScope, err)
			}
			for media, content := range o.Body.Content {
				s.media, s.body = media, exampleText(t, content.Example)
			}
			for _, p := range o.Parameters {
				if p.Name == "until" { // a feed that ends
					s.path += "?from=earliest&until=now"
				}
				s.pages = s.pages || strings.HasSuffix(p.Ref, "/Cursor")
				if p.Name == "format" { // of a file, which needs one
					s.path += "?format=csv"
				}
				if p.Name == "amount" && p.In == "query" {
					s.path += "?amount=1"
				}
			}
			all = append(all, s)
		}
	}
	// What opens an account comes last: then it is another tenant's no longer.
	slices.SortFunc(all, func(a, b sample) int {
		return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(a.ID, b.ID))
	})
	if len(all) < 20 {
		t.Fatalf("the contract has %d routes with credentials", len(all))
	}
	return all
}

// last returns 1 for a command that makes what others are not to find, else 0.
func last(s sample) int {
	if accessRows[s.ID] == freeID {
		return 1
	}
	return 0
}

// exampleText returns an example as the text of a body: lines as they are, else JSON.
func exampleText(t *testing.T, example any) string {
	t.Helper()
	if text, ok := example.(string); ok {
		return text
	}
	if example == nil {
		return "{}"
	}
	text, err := json.Marshal(example)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sendSample sends a sample with an Authorization header, none if it is empty.
func (b *bank) sendSample(t *testing.T, s sample, authorization, key string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), s.method, b.Base+s.path, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	if s.media != "" {
		request.Header.Set("Content-Type", s.media)
		request.Header.Set("Idempotency-Key", key)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := httpClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, text: string(text)}
	_ = json.Unmarshal(bytes.TrimSpace(text), &a.body) // metrics and lines are no JSON
	return a
}

// intruder is somebody who may not use a route, and how each is refused.
type intruder struct {
	name, authorization string
	status              int
	code                string
}

// refuse sends every sample as every intruder, and fails the test where one is not refused as it
// must be. tooSmall makes the credential with all scopes but some.
func (b *bank) refuse(t *testing.T, intruders []intruder, tooSmall func(without access.Scopes) string) {
	t.Helper()
	for _, s := range b.samples(t) {
		small := intruder{"scope too small", "Bearer " + tooSmall(s.needed), http.StatusForbidden, "scope-missing"}
		for _, by := range append(slices.Clip(intruders), small) {
			a := b.sendSample(t, s, by.authorization, "refused")
			challenged := strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer ")
			if a.status != by.status || a.code() != by.code || !challenged || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s, %s: %d %q, challenge %q; want %d %q\n%s", s.ID, by.name, a.status, a.code(), a.header.Get("WWW-Authenticate"), by.status, by.code, a.text)
			}
		}
	}
}

// keepOut sends every sample with a good credential of another tenant, whose ids and cursors are
// the first tenant's.
func (b *bank) keepOut(t *testing.T, own, other string) {
	t.Helper()
	for _, s := range b.samples(t) {
		a := b.sendSample(t, s, "Bearer "+other, "from-outside")
		switch accessRows[s.ID] {
		case foreignID:
			if a.status != http.StatusNotFound || a.code() != "account-not-found" {
				t.Errorf("%s of another tenant's account: %d %s", s.ID, a.status, a.text)
			}
		case foreignWebhook:
			if a.status != http.StatusNotFound || a.code() != "webhook-not-found" {
				t.Errorf("%s of another tenant's webhook: %d %s", s.ID, a.status, a.text)
			}
		case foreignLine:
			if a.status != http.StatusOK || !strings.Contains(a.text, "account-not-found") {
				t.Errorf("%s of another tenant's account: %d %s", s.ID, a.status, a.text)
			}
		case noID:
			if a.status != http.StatusOK || strings.Contains(a.text, "north-only") {
				t.Errorf("%s shows another tenant's: %d %s", s.ID, a.status, a.text)
			}
		case wholeBank:
			if a.status != http.StatusForbidden || !strings.Contains(a.text, `"tenants":"all"`) {
				t.Errorf("%s is shown to an operator of one tenant: %d %s", s.ID, a.status, a.text)
			}
		}
		if s.pages && accessRows[s.ID] != wholeBank {
			b.keepCursorOut(t, s, own, other)
		}
	}
}

// keepCursorOut sends a page's cursor with the credential of another tenant.
func (b *bank) keepCursorOut(t *testing.T, s sample, own, other string) {
	t.Helper()
	s.path += "?limit=1"
	var page struct {
		Next string `json:"next_cursor"`
	}
	text := b.sendSample(t, s, "Bearer "+own, "").must(t, http.StatusOK).text
	if err := json.Unmarshal([]byte(text), &page); err != nil || page.Next == "" {
		t.Fatalf("%s: no second page: %v\n%s", s.ID, err, text)
	}
	s.path += "&cursor=" + url.QueryEscape(page.Next)
	b.sendSample(t, s, "Bearer "+own, "").must(t, http.StatusOK)
	if a := b.sendSample(t, s, "Bearer "+other, ""); a.status < 400 || a.status > 404 {
		t.Errorf("%s with another tenant's cursor: %d %s", s.ID, a.status, a.text)
	}
}

// admit sends every sample with a credential that has exactly the scopes that the contract names,
// and one as large as the command needs. It proves that what the others met was their credential.
func (b *bank) admit(t *testing.T, exactly func(access.Scopes) string) {
	t.Helper()
	for i, s := range b.samples(t) {
		a := b.sendSample(t, s, "Bearer "+exactly(s.granted()), fmt.Sprint("admitted-", i))
		if accessRows[s.ID] == wholeBank { // the test of its package has a caller for all tenants
			continue
		}
		if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusBadRequest || a.status >= 500 {
			t.Errorf("%s with its scopes: %d %s", s.ID, a.status, a.text)
		}
	}
}

// written returns all that a tenant has: its accounts with their balances and versions.
func (b *bank) written(t *testing.T, credential string) string {
	t.Helper()
	s := sample{method: http.MethodGet, path: "/v1/accounts?limit=100"}
	var text string
	programtest.Eventually(t, "rows follow", func() error {
		text = b.sendSample(t, s, "Bearer "+credential, "").must(t, http.StatusOK).text
		if !strings.Contains(text, `"version":`) {
			return fmt.Errorf("no account in %s", text)
		}
		return nil
	})
	return text
}

// furnish opens the accounts that the contract's examples name, in tenant north.
func (b *bank) furnish(t *testing.T, credential string) {
	t.Helper()
	for i, step := range []struct{ path, body string }{
		{"/v1/accounts", `{"account_id":"A-1","currency":"EUR","credit_limit":100000,"holder_ref":"north-only"}`},
		{"/v1/accounts/A-1/credits", money(500_000)},
		{"/v1/accounts/A-1/withdrawals", money(100)},
		{"/v1/accounts/A-1/holds", money(200)},
		{"/v1/accounts", `{"account_id":"A-2","currency":"EUR"}`},
		{"/v1/accounts", `{"account_id":"A-3","currency":"EUR"}`},
	} {
		s := sample{method: http.MethodPost, path: step.path, media: "application/json", body: step.body}
		b.sendSample(t, s, "Bearer "+credential, fmt.Sprint("furnish-", i)).must(t, http.StatusCreated)
	}
	for _, limit := range []string{"90000", "80000"} { // two pages of decisions
		s := sample{method: http.MethodPut, path: "/v1/accounts/A-1/credit-limit", media: "application/json", body: `{"limit":` + limit + `}`}
		b.sendSample(t, s, "Bearer "+credential, "limit-"+limit).must(t, http.StatusOK)
	}
	b.addWebhook(t, credential)
}

// addWebhook makes a webhook of tenant north that nobody answers, and waits until more than one
// account waits for it.
func (b *bank) addWebhook(t *testing.T, credential string) {
	t.Helper()
	hook := sample{method: http.MethodPost, path: "/v1/webhooks", media: "application/json", body: `{"url":"https://north-only.invalid/","from":"earliest"}`}
	made := b.sendSample(t, hook, "Bearer "+credential, "").must(t, http.StatusCreated)
	if err := json.Unmarshal([]byte(made.text), &b.webhook); err != nil {
		t.Fatal(err)
	}
	programtest.Eventually(t, "deliveries wait", func() error {
		list := sample{method: http.MethodGet, path: "/v1/webhooks/" + b.webhook.ID + "/deliveries?limit=1"}
		if text := b.sendSample(t, list, "Bearer "+credential, "").must(t, http.StatusOK).text; !strings.Contains(text, "next_cursor") {
			return errors.New(text)
		}
		return nil
	})
}

// Every route of the contract refuses everybody who may not use it with the right problem and
// writes nothing, and answers who may: keys first, then tokens of a provider, on the same bank.
func TestAccessMatrix(t *testing.T) {
	data := t.TempDir()
	t.Run("keys", func(t *testing.T) { keysMatrix(t, data) })
	t.Run("tokens", func(t *testing.T) { tokensMatrix(t, data) })
}

func keysMatrix(t *testing.T, data string) {
	start := func() *bank {
		return &bank{Server: programtest.Start(t, nil, "bank", "serve", "--listen", "127.0.0.1:0", "--data", data, "--auth", "apikey")}
	}
	b := start()
	keys := keyring{data: data, texts: map[string]string{}}
	for _, s := range b.samples(t) {
		keys.want("north", access.All&^s.needed)
		keys.want("north", s.granted())
	}
	north, south := keys.want("north", access.All), keys.want("south", access.All)
	b.Terminate()
	credits, debits := keys.want("north", access.MoneyCredit), keys.want("north", access.MoneyWithdraw)
	keys.make(t)
	b = start()
	b.furnish(t, north)
	b.answersAreTheirScopes(t, credits, debits)
	revoked, id := createKey(t, data, "--tenant", "north", "--scopes", "all")
	expired, _ := createKey(t, data, "--tenant", "north", "--scopes", "all", "--expires", "3s")
	b.awaitCredential(t, revoked)
	if out := command(t, "bank", "key", "revoke", id, "--data", data); out.Code != 0 {
		t.Fatal(out)
	}
	b.awaitRefusal(t, revoked, "credentials-invalid")
	b.awaitRefusal(t, expired, "credentials-expired")
	before := b.written(t, north)
	b.refuse(t, []intruder{
		{"none", "", 401, "credentials-missing"},
		{"malformed", "Bearer pb_nothing", 401, "credentials-invalid"},
		{"another scheme", "Basic bm9ydGg6c2VjcmV0", 401, "credentials-invalid"},
		{"unknown", "Bearer " + apikey.Generate().Text, 401, "credentials-invalid"},
		{"another secret", "Bearer " + north[:16] + south[16:], 401, "credentials-invalid"},
		{"revoked", "Bearer " + revoked, 401, "credentials-invalid"},
		{"expired", "Bearer " + expired, 401, "credentials-expired"},
	}, func(without access.Scopes) string { return keys.want("north", access.All&^without) })
	b.keepOut(t, north, south)
	if after := b.written(t, north); after != before {
		t.Errorf("what was refused was written:\n%s\n%s", before, after)
	}
	b.admit(t, func(scopes access.Scopes) string { return keys.want("north", scopes) })
	b.Terminate()
}

// The answer that a key has stored is not given to who may not send the command, also where two
// services have a command of the same form.
func (b *bank) answersAreTheirScopes(t *testing.T, credits, debits string) {
	t.Helper()
	reverse := func(of, by, form string) answer {
		s := sample{method: http.MethodPost, path: "/v1/accounts/A-1/" + of + "/t2/reversal", media: "application/json", body: form}
		return b.sendSample(t, s, "Bearer "+by, "reverse-1")
	}
	line := func(by string) string {
		s := sample{method: http.MethodPost, path: "/v1/bulk", media: "application/x-ndjson",
			body: `{"op":"reverse","idempotency_key":"reverse-1","account_id":"A-1","transaction_id":"t2"}`}
		return b.sendSample(t, s, "Bearer "+by, "").must(t, http.StatusOK).text
	}
	reverse("credits", credits, "{}").must(t, http.StatusCreated)
	if a := reverse("credits", credits, "{}").must(t, http.StatusCreated); !a.replayed() {
		t.Errorf("a repeat: %s", a.text)
	}
	if a := reverse("withdrawals", debits, "{}"); a.code() != "idempotency-key-reused" {
		t.Errorf("the other service's key: %d %s", a.status, a.text)
	}
	if a := reverse("credits", debits, "{}"); a.code() != "scope-missing" {
		t.Errorf("a repeat without the scope: %d %s", a.status, a.text)
	}
	if text := line(credits); !strings.Contains(text, `"replayed":true`) {
		t.Errorf("a repeat as a line: %s", text)
	}
	if text := line(debits); !strings.Contains(text, "idempotency-key-reused") || strings.Contains(text, "balance") {
		t.Errorf("the other service's key as a line: %s", text)
	}
}

// keyring are keys that are made in a data directory while no bank runs there: the command line
// would take a second for each.
type keyring struct {
	data  string
	texts map[string]string
	list  []apikey.Key
}

// want returns the text of a key of a tenant with scopes, which make stores.
func (r *keyring) want(tenant string, scopes access.Scopes) string {
	name := tenant + " " + scopes.String()
	if r.texts[name] == "" {
		made := apikey.Generate()
		r.texts[name] = made.Text
		r.list = append(r.list, apikey.Key{ID: made.ID, Sum: made.Sum, Name: name, Tenant: tenant, Scopes: scopes, Created: time.Now(), CreatedBy: "test"})
	}
	return r.texts[name]
}

// make stores the keys.
func (r *keyring) make(t *testing.T) {
	t.Helper()
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + r.data})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := platform.Open(t.Context(), config, platform.Resources{Tables: journal.Schemas}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range r.list {
		k.Name = "test"
		if _, err := apikey.Create(t.Context(), engine.Table, k); err != nil {
			t.Fatal(err)
		}
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
}

func tokensMatrix(t *testing.T, data string) {
	provider, stranger := oidctest.New(t), oidctest.New(t)
	b := &bank{Server: programtest.Start(t, nil, "bank", "serve", "--listen", "127.0.0.1:0", "--data", data, "--auth", "oidc",
		"--oidc-issuer", provider.Issuer, "--oidc-audience", oidctest.Audience)}
	claims := func(tenant string, scopes access.Scopes) jwt.MapClaims {
		return provider.Claims(jwt.MapClaims{"tenant": tenant, "scope": scopes.String()})
	}
	token := func(tenant string, scopes access.Scopes) string {
		return provider.Sign("RS256", claims(tenant, scopes))
	}
	with := func(name string, value any) jwt.MapClaims {
		changed := claims("north", access.All)
		changed[name] = value
		return changed
	}
	b.awaitCredential(t, token("north", access.All))
	provider.Rotate()
	north, east := token("north", access.All), provider.Sign("ES256", claims("east", access.All)) // south has accounts by now
	b.awaitCredential(t, north)
	b.addWebhook(t, north)
	before := b.written(t, north)
	b.refuse(t, []intruder{
		{"none", "", 401, "credentials-missing"},
		{"malformed", "Bearer a.b.c", 401, "credentials-invalid"},
		{"unsigned", "Bearer " + provider.Sign("none", claims("north", access.All)), 401, "credentials-invalid"},
		{"signed with the public key", "Bearer " + provider.Sign("HS256", claims("north", access.All)), 401, "credentials-invalid"},
		{"an algorithm that is not taken", "Bearer " + provider.Sign("RS384", claims("north", access.All)), 401, "credentials-invalid"},
		{"wrong signature", "Bearer " + north[:len(north)-8] + "AAAAAAAA", 401, "credentials-invalid"},
		{"another provider's keys", "Bearer " + stranger.Sign("RS256", claims("north", access.All)), 401, "credentials-invalid"},
		{"another issuer", "Bearer " + provider.Sign("RS256", with("iss", stranger.Issuer)), 401, "credentials-invalid"},
		{"another audience", "Bearer " + provider.Sign("RS256", with("aud", "elsewhere")), 401, "credentials-invalid"},
		{"expired", "Bearer " + provider.Sign("RS256", with("exp", 1_700_000_000)), 401, "credentials-expired"},
		{"not a tenant", "Bearer " + provider.Sign("RS256", with("tenant", "north#1")), 401, "credentials-invalid"},
	}, func(without access.Scopes) string { return token("north", access.All&^without) })
	b.keepOut(t, north, east)
	if after := b.written(t, north); after != before {
		t.Errorf("what was refused was written:\n%s\n%s", before, after)
	}
	b.admit(t, func(scopes access.Scopes) string { return token("north", scopes) })
	old := token("north", access.All)
	provider.Rotate()
	b.awaitCredential(t, token("north", access.All))
	b.awaitRefusal(t, old, "credentials-invalid")
	b.Terminate()
}

// createKey makes a key beside the running bank.
func createKey(t *testing.T, data string, flags ...string) (text, id string) {
	t.Helper()
	out := command(t, "bank", append([]string{"key", "create", "--name", "test", "--json", "--data", data}, flags...)...)
	var made struct{ Key, ID string }
	if err := json.Unmarshal([]byte(out.Out), &made); err != nil || out.Code != 0 {
		t.Fatalf("%v: %+v", err, out)
	}
	return made.Key, made.ID
}

// awaitCredential waits until a credential is known.
func (b *bank) awaitCredential(t *testing.T, credential string) {
	t.Helper()
	programtest.Eventually(t, "the credential works", func() error {
		if a := b.sendSample(t, sample{method: http.MethodGet, path: "/v1/accounts/none/balance"}, "Bearer "+credential, ""); a.status == http.StatusUnauthorized || a.status >= 500 {
			return fmt.Errorf("%d %s", a.status, a.text)
		}
		return nil
	})
}

// awaitRefusal waits until a credential is refused with a code.
func (b *bank) awaitRefusal(t *testing.T, credential, code string) {
	t.Helper()
	programtest.Eventually(t, "the credential is refused", func() error {
		if a := b.sendSample(t, sample{method: http.MethodGet, path: "/v1/accounts/none/balance"}, "Bearer "+credential, ""); a.code() != code {
			return fmt.Errorf("%d %s", a.status, a.text)
		}
		return nil
	})
}
