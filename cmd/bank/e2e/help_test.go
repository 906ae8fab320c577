package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"passbook/cmd/internal/programtest"
)

func TestUsageNamesWhatIsWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		environ []string
		args    []string
		says    []string
	}{
		"no such command":  {nil, []string{"bank", "sevre"}, []string{"serve"}},
		"unknown flag":     {nil, []string{"bank", "serve", "--port=1"}, []string{"--port"}},
		"bad flag":         {nil, []string{"bank", "serve", "--shards=0"}, []string{"--shards", "PASSBOOK_SHARDS"}},
		"bad variable":     {[]string{"PASSBOOK_LEASE=soon"}, []string{"bank", "serve"}, []string{"--lease", "PASSBOOK_LEASE"}},
		"no bucket":        {[]string{"PASSBOOK_STORE=aws"}, []string{"bank", "serve"}, []string{"--bucket", "PASSBOOK_BUCKET"}},
		"too many":         {nil, []string{"bank", "demo", "--accounts=1"}, []string{"--accounts"}},
		"audit's variable": {[]string{"PASSBOOK_PREFIX=###"}, []string{"audit"}, []string{"--prefix", "PASSBOOK_PREFIX"}},
		"no such model":    {nil, []string{"replay", "rebuild", "--model=ledger"}, []string{"--model", "balance"}},
	} {
		dir := t.TempDir()
		got := programtest.Run(t, dir, tt.environ, tt.args[0], tt.args[1:]...)
		if got.Code != 2 {
			t.Errorf("%s: code %d, not 2\n%s", name, got.Code, got.ErrOut)
		}
		for _, want := range tt.says {
			if !strings.Contains(got.ErrOut, want) {
				t.Errorf("%s: %q does not say %q", name, got.ErrOut, want)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
			t.Errorf("%s: a data directory was made", name)
		}
	}
}

// TestDemo plays a day on a running bank, once, and checks that it notices a bank that answers
// something else.
func TestDemo(t *testing.T) {
	t.Parallel()
	b := serve(t, t.TempDir())
	day := []string{"demo", "--accounts", "30", "--speed", "0", "--seed", "7"}
	if got := command(t, "bank", append(day, "--url", b.Base)...); got.Code != 0 || !strings.Contains(got.Out, "32 accounts: the balance and the credit limit of each") {
		t.Fatalf("code %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	if got := command(t, "bank", append(day, "--url", b.Base)...); got.Code != 1 || !strings.Contains(got.ErrOut, "--seed") {
		t.Errorf("the same day again: code %d\n%s", got.Code, got.ErrOut)
	}
	b = serve(t, t.TempDir())
	target, err := url.Parse(b.Base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = forge
	liar := httptest.NewServer(proxy)
	defer liar.Close()
	if got := command(t, "bank", append(day, "--url", liar.URL)...); got.Code != 3 || !strings.Contains(got.Out, "DIFFERS") {
		t.Errorf("a bank that lies about one balance: code %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
}

// forge adds a cent to one account's balance, as it is read at the end of the day.
func forge(r *http.Response) error {
	if !strings.HasSuffix(r.Request.URL.Path, "demo-7-30-3/balance") {
		return nil
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	forged := strings.Replace(string(text), `"posted":`, `"posted":1`, 1)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(forged)), int64(len(forged))
	r.Header.Set("Content-Length", strconv.Itoa(len(forged)))
	return nil
}
