package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"passbook/cmd/internal/programtest"
	"passbook/shared/access"
)

// aKey matches an API key.
var aKey = regexp.MustCompile(`pb_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}`)

// keyOf is what bank key reports of a key.
type keyOf struct {
	ID        string    `json:"id"`
	Key       string    `json:"key"`
	Name      string    `json:"name"`
	Tenant    string    `json:"tenant"`
	State     string    `json:"state"`
	CreatedBy string    `json:"created_by"`
	Expires   time.Time `json:"expires_at"`
	Scopes    []string  `json:"scopes"`
}

// bankKey runs bank key on a data directory and reads its result.
func bankKey[R any](t *testing.T, data string, args ...string) (result R) {
	t.Helper()
	got := programtest.Run(t, "", nil, "bank", append(append([]string{"key"}, args...), "--data", data, "--json")...)
	if got.Code != 0 {
		t.Fatalf("bank key %q: %d\n%s", args, got.Code, got.ErrOut)
	}
	if err := json.Unmarshal([]byte(got.Out), &result); err != nil {
		t.Fatalf("bank key %q: %v\n%s", args, err, got.Out)
	}
	return result
}

// becomes waits until a request that reads all accounts is answered with a status.
func (b *bank) becomes(t *testing.T, status int) {
	t.Helper()
	programtest.Every(t, 100*time.Millisecond, fmt.Sprintf("the key's answer becomes %d", status), func() error {
		if a := b.get(t, "/v1/accounts"); a.status != status {
			return fmt.Errorf("status %d: %s", a.status, a.text)
		}
		return nil
	})
}

// holds returns the files below a directory that contain a text.
func holds(t *testing.T, dir, text string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if bytes.Contains(content, []byte(text)) {
			names = append(names, strings.TrimPrefix(name, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The first start of a bank that asks for keys makes one, shows it once and leaves it in a file
// that nobody else can read. Later starts make none, also after it was revoked.
func TestTheFirstStartMakesOneKey(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir(), "--auth", "apikey")
	shown := aKey.FindAllString(b.Out.String(), -1)
	if len(shown) != 1 {
		t.Fatalf("it shows %d keys:\n%s", len(shown), b.Out.String())
	}
	file := filepath.Join(b.data, "first-key")
	if kept, err := os.ReadFile(file); err != nil || strings.TrimSpace(string(kept)) != shown[0] {
		t.Errorf("the file has %q: %v", kept, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file's mode is %v: %v", info.Mode(), err)
	}
	if a := b.get(t, "/v1/accounts"); a.status != 401 || a.code() != "credentials-missing" {
		t.Errorf("without a key: %s", a.text)
	}
	b.bearer = shown[0]
	b.open(t, "A-1", 500)
	id := strings.Split(shown[0], "_")[1]
	if a := b.get(t, "/v1/accounts/A-1/events"); !strings.Contains(a.text, `"key:`+id+`"`) {
		t.Errorf("the events do not name who called: %s", a.text)
	}
	day := []string{"demo", "--accounts", "3", "--speed", "0", "--url", b.Base}
	if got := programtest.Run(t, "", nil, "bank", day...); got.Code != 1 || !strings.Contains(got.ErrOut, "Credentials missing") {
		t.Errorf("a day without a key: %d\n%s", got.Code, got.ErrOut)
	}
	if got := programtest.Run(t, "", nil, "bank", append(day, "--key-file", file)...); got.Code != 0 {
		t.Errorf("a day with the key: %d\n%s", got.Code, got.ErrOut)
	}
	first := bankKey[[]keyOf](t, b.data, "list")
	if len(first) != 1 || first[0].ID != id || len(first[0].Scopes) != len(access.All.Names()) || time.Until(first[0].Expires) > 24*time.Hour {
		t.Errorf("it is listed as %+v", first)
	}
	if revoked := bankKey[keyOf](t, b.data, "revoke", id); revoked.State != "revoked" {
		t.Errorf("revoked it is %+v", revoked)
	}
	b.becomes(t, 401)
	b.Terminate()
	secret := shown[0][strings.LastIndex(shown[0], "_")+1:]
	if names := holds(t, b.data, secret); len(names) != 1 || names[0] != "/first-key" || strings.Contains(b.Log.String(), secret) {
		t.Errorf("the secret is in %q, in the log: %v", names, strings.Contains(b.Log.String(), secret))
	}
	again := serve(t, b.data, "--auth", "apikey")
	if strings.Contains(again.Out.String()+again.Log.String(), "pb_") {
		t.Errorf("a later start shows a key:\n%s%s", again.Out.String(), again.Log.String())
	}
}

// Keys are made beside a running bank and without it, work for their scopes, and end.
func TestKeysAreMadeAndRevokedByCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := serve(t, dir)
	b.open(t, "A-1", 500)
	b.Terminate()
	// without a bank, before one ever asked for keys
	before := bankKey[keyOf](t, dir, "create", "--name", "before", "--scopes", "all")
	b = serve(t, dir, "--auth", "apikey")
	if strings.Contains(b.Out.String(), "pb_") {
		t.Errorf("a bank that has a key makes another:\n%s", b.Out.String())
	}
	b.bearer = before.Key
	b.get(t, "/v1/accounts/A-1/balance").must(t, 200)

	made := bankKey[keyOf](t, dir, "create", "--name", "reader", "--scopes", "accounts:read", "--expires", "30d")
	if !aKey.MatchString(made.Key) || made.Name != "reader" || made.Tenant != "main" || made.State != "active" || time.Until(made.Expires) < 29*24*time.Hour {
		t.Errorf("%+v", made)
	}
	b.bearer = made.Key
	b.becomes(t, 200)
	if a := b.post(t, "/v1/accounts/A-1/credits", "k", money(1)); a.status != 403 || a.code() != "scope-missing" {
		t.Errorf("beyond its scopes: %s", a.text)
	}
	bankKey[keyOf](t, dir, "revoke", made.ID)
	b.becomes(t, 401)
	short := bankKey[keyOf](t, dir, "create", "--name", "short", "--scopes", "accounts:read", "--expires", "3s")
	b.bearer = short.Key
	b.becomes(t, 200)
	programtest.Eventually(t, "the key expires", func() error {
		if a := b.get(t, "/v1/accounts"); a.code() != "credentials-expired" {
			return fmt.Errorf("%d %s", a.status, a.text)
		}
		return nil
	})
	for _, k := range bankKey[[]keyOf](t, dir, "list") {
		if want := map[string]string{before.ID: "active", made.ID: "revoked", short.ID: "expired"}[k.ID]; k.State != want || k.Key != "" {
			t.Errorf("listed as %+v, want %s", k, want)
		}
	}
	b.Terminate()
	for _, k := range []keyOf{before, made, short} {
		if names := holds(t, dir, k.Key[16:]); len(names) > 0 || strings.Contains(b.Log.String(), k.Key[16:]) {
			t.Errorf("the secret of %s is in %q or in the log", k.Name, names)
		}
	}
}

// What is wrong on the command line is named, with what would be right, and no key is made.
func TestWrongKeysAreNotMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, dir).Terminate()
	for want, args := range map[string][]string{
		"--name":                         {"create", "--scopes", "all"},
		"--scopes":                       {"create", "--name", "a"},
		`"money" is no scope`:            {"create", "--name", "a", "--scopes", "accounts:read,money"},
		"say who gets the key":           {"create", "--name", "", "--scopes", "all"},
		"starting with a letter":         {"create", "--name", "a", "--scopes", "all", "--tenant", "-"},
		"nor never":                      {"create", "--name", "a", "--scopes", "all", "--expires", "soon"},
		"expired at 1999":                {"create", "--name", "a", "--scopes", "all", "--expires", "1999-01-01T00:00:00Z"},
		"ten years":                      {"create", "--name", "a", "--scopes", "all", "--expires", "9999d"},
		"what stands between the two _":  {"revoke", "pb_7hQ2mZ0dXk4B_"},
		`no such key: "7hQ2mZ0dXk4B"`:    {"revoke", "7hQ2mZ0dXk4B"},
		"unexpected argument 2000-01-01": {"list", "2000-01-01"},
		`"Bad/T" is no tenant`:           {"list", "--tenant", "Bad/T"},
	} {
		got := programtest.Run(t, "", nil, "bank", append(append([]string{"key"}, args...), "--data", dir)...)
		if got.Code != 2 || !strings.Contains(got.ErrOut, want) || strings.Contains(got.Out, "pb_") {
			t.Errorf("%q: %d\n%s%s", args, got.Code, got.Out, got.ErrOut)
		}
	}
	if keys := bankKey[[]keyOf](t, dir, "list"); len(keys) > 0 {
		t.Errorf("%+v", keys)
	}
}
