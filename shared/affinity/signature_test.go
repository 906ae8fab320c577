package affinity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"passbook/shared/journal"
	"passbook/shared/web"
	"passbook/shared/writer"
)

// testKeys are the keys of a bank: its format, and the key that others are derived from.
type testKeys struct {
	format int
	key    string
}

func (k testKeys) BankFormat() int { return k.format }

func (k testKeys) DeriveCurrent(label string) (int, []byte, bool) {
	return 7, []byte(k.key + label), k.key != ""
}

func (k testKeys) DeriveRecent(label string, id int) ([]byte, bool) {
	return []byte(k.key + label), k.key != "" && id == 7
}

var bankKey = testKeys{2, "the bank's"}

// decided serves an operation, on a writer with these keys, and counts what is decided.
func decided(t *testing.T, keys Keys) (to writer.Peer, tenants *[]string) {
	t.Helper()
	tenants = new([]string)
	to = serving(t, keys, func(_ context.Context, to journal.Command) (journal.Receipt, error) {
		*tenants = append(*tenants, to.Account.Tenant)
		return journal.Receipt{}, web.Refuse(insufficientFunds)
	})
	return to, tenants
}

// A call that the bank's key did not sign, for this writer and in the last minute, is not decided.
// Its sender learns that nothing was done.
func TestCallsWithoutTheBanksKeyAreRefused(t *testing.T) {
	to, tenants := decided(t, bankKey)
	other, _ := decided(t, bankKey)
	now := time.Now().UnixMicro()
	signed := func(c call, body string) (string, string) {
		meta, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(meta), sign(bankKey, to.Secret, meta, []byte(body))
	}
	const body = `{"account_id":"A-1"}`
	meta, good := signed(call{now, 1000, command()}, body)
	age := func(by time.Duration) (string, string) {
		return signed(call{now - by.Microseconds(), 1000, command()}, body)
	}
	oldMeta, old := age(2 * time.Minute)
	earlyMeta, early := age(-2 * time.Minute)
	noTenant := command()
	noTenant.Tenant = ""
	noTenantMeta, noTenantSigned := signed(call{now, 1000, noTenant}, body)
	lateMeta, late := signed(call{now, 0, command()}, body)
	unknown := strings.Replace(meta, `"tenant"`, `"simulate":true,"tenant"`, 1)
	for name, c := range map[string]struct {
		meta, signature, body string
		says                  error
	}{
		"no signature":          {meta, "", body, errUnsigned},
		"another key":           {meta, sign(testKeys{2, "another"}, to.Secret, []byte(meta), []byte(body)), body, errUnsigned},
		"of a replaced key":     {meta, strings.Replace(good, "7:", "6:", 1), body, errUnsigned},
		"no key's id":           {meta, strings.TrimPrefix(good, "7:"), body, errUnsigned},
		"another writer's":      {meta, sign(bankKey, other.Secret, []byte(meta), []byte(body)), body, errUnsigned},
		"another tenant":        {strings.Replace(meta, "acme", "main", 1), good, body, errUnsigned},
		"another actor":         {strings.Replace(meta, "Zoë", "Eve", 1), good, body, errUnsigned},
		"another body":          {meta, good, `{"account_id":"A-2"}`, errUnsigned},
		"old":                   {oldMeta, old, body, errOld},
		"of the future":         {earlyMeta, early, body, errOld},
		"no tenant":             {noTenantMeta, noTenantSigned, body, errOtherForm},
		"no time left":          {lateMeta, late, body, errors.New("no time left")},
		"a field of tomorrow's": {unknown, sign(bankKey, to.Secret, []byte(unknown), []byte(body)), body, errOtherForm},
		"no call":               {"", sign(bankKey, to.Secret, nil, []byte(body)), body, errOtherForm},
	} {
		if cause := deliver(t, to, path, c.body, headerCall, c.meta, headerSignature, c.signature); !strings.Contains(cause, c.says.Error()) {
			t.Errorf("%s: undone because %q, not %q", name, cause, c.says)
		}
	}
	if len(*tenants) > 0 {
		t.Errorf("decided for %v", *tenants)
	}
	if cause := deliver(t, to, path, body, headerCall, meta, headerSignature, good); cause != "" || len(*tenants) != 1 || (*tenants)[0] != "acme" {
		t.Errorf("a signed call: undone because %q, decided for %v", cause, *tenants)
	}
}

// deliver sends a call as its bytes, and returns why the writer did nothing, empty if it answered.
func deliver(t *testing.T, to writer.Peer, path, body string, header ...string) string {
	t.Helper()
	client, err := NewClient(bankKey).client(to)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+to.Address+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header[header[i]] = []string{header[i+1]}
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return response.Header.Get(headerUndone)
}

// A bank of format 1 has no key: the secret alone lets a call in. One whose key this writer cannot
// read lets none in, and while only one of two writers knows the key nothing is lost.
func TestCallsOfBanksWithoutAKey(t *testing.T) {
	for name, c := range map[string]struct {
		sender, receiver testKeys
		undone           bool
	}{
		"format 1":                         {testKeys{1, ""}, testKeys{1, ""}, false},
		"the receiver does not know yet":   {bankKey, testKeys{1, ""}, false},
		"the sender does not know yet":     {testKeys{1, ""}, bankKey, true},
		"the receiver cannot read its key": {bankKey, testKeys{2, ""}, true},
		"the sender cannot read its key":   {testKeys{2, ""}, bankKey, true},
	} {
		t.Run(name, func(t *testing.T) {
			to, tenants := decided(t, c.receiver)
			client := NewClient(c.sender)
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, err := client.Send(ctx, to, command())
			if errors.Is(err, ErrUndone) != c.undone || (len(*tenants) == 0) != c.undone {
				t.Errorf("%v, decided for %v", err, *tenants)
			}
		})
	}
}

// A writer of an earlier release knows neither tenants nor signatures. It decides nothing that this
// release sends, and the other way round, and both learn that nothing was done.
func TestEarlierReleasesTakeNoCalls(t *testing.T) {
	to, tenants := decided(t, bankKey)
	cause := deliver(t, to, "/commands", `{"account_id":"A-1"}`, "Passbook-Command", `{"service":"test","op":"try","principal":"p","request":"r"}`, "Passbook-Deadline-Ms", "1000")
	if cause == "" || len(*tenants) > 0 {
		t.Errorf("an earlier release's call: undone because %q, decided for %v", cause, *tenants)
	}
	config, err := sharedSecretTLS("secret")
	if err != nil {
		t.Fatal(err)
	}
	config.NextProtos = []string{"h2"}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /commands", func(http.ResponseWriter, *http.Request) { t.Error("an earlier release got the command") })
	earlier := &http.Server{Handler: mux, TLSConfig: config, ReadHeaderTimeout: time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	ended := make(chan error, 1)
	go func() { ended <- earlier.ServeTLS(listener, "", "") }()
	_, err = send(t, writer.Peer{ID: "earlier", Address: listener.Addr().String(), Secret: "secret"}, command(), 5*time.Second)
	if !errors.Is(err, ErrUndone) || !strings.Contains(err.Error(), "earlier release") {
		t.Errorf("%v", err)
	}
	_ = earlier.Close()
	<-ended
}
