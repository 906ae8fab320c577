package healthcheck

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"passbook/cmd/internal/cli"
)

// A process that speaks TLS is asked by HTTPS; its certificate need not be for the loopback
// address.
func TestAProcessWithTLSIsAskedByHTTPS(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	var said bytes.Buffer
	for args, want := range map[string]int{"--tls-cert c.pem --tls-key k.pem": 0, "": 1} {
		said.Reset()
		arguments := append(strings.Fields(args), "--listen", server.Listener.Addr().String())
		if code := run(t.Context(), arguments, &cli.Terminal{Out: &said, Err: &said}); code != want {
			t.Errorf("%q: %d %s", args, code, said.String())
		}
	}
}

func TestExitCodeIsReadiness(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte("stream: full"))
	}))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	check := func(environ string, args ...string) (int, string) {
		var errOut bytes.Buffer
		code := run(t.Context(), args, &cli.Terminal{Environ: []string{environ}, Out: &errOut, Err: &errOut})
		return code, errOut.String()
	}
	if code, said := check("PASSBOOK_LISTEN=0.0.0.0:" + port); code != 0 {
		t.Errorf("ready: %d %s", code, said)
	}
	status = http.StatusServiceUnavailable
	if code, said := check("", "--listen", "[::]:"+port); code != 1 || !strings.Contains(said, "stream: full") {
		t.Errorf("not ready: %d %s", code, said)
	}
	server.Close()
	if code, said := check("PASSBOOK_LISTEN=127.0.0.1:" + port); code != 1 {
		t.Errorf("nobody listens: %d %s", code, said)
	}
	if code, said := check("PASSBOOK_LISTEN=nowhere"); code != 1 || !strings.Contains(said, "PASSBOOK_LISTEN") {
		t.Errorf("a wrong setting: %d %s", code, said)
	}
}
