package delivery

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"passbook/shared/webhook"
)

func TestOnlyAddressesOfTheInternetAreSentTo(t *testing.T) {
	for _, address := range []string{
		"127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "fe80::1", "fe80::1%eth0",
		"100.64.0.1", "100.127.255.255", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1", "fd00:ec2::254", "fc00::1", "192.0.2.1", "198.18.0.1", "203.0.113.9",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "192.0.0.192", "fec0::1",
	} {
		if err := Allowed(nil).check(netip.MustParseAddr(address), false); err == nil {
			t.Errorf("%s is sent to", address)
		}
	}
	for _, address := range []string{"1.1.1.1", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"} {
		if err := Allowed(nil).check(netip.MustParseAddr(address), false); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if err := Allowed(nil).check(netip.MustParseAddr(address), true); err == nil {
			t.Errorf("%s is sent to without TLS", address)
		}
	}
	allowed := Allowed{netip.MustParsePrefix("10.1.0.0/16")}
	for address, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": false, "1.1.1.1": true} {
		if err := allowed.check(netip.MustParseAddr(address), false); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestURLsAreChecked(t *testing.T) {
	for _, text := range []string{
		"", "example.com", "/path", "ftp://example.com", "http://example.com", "https://", "https://user:pw@example.com", "https://example.com/#x", "https://localhost/",
		"https://127.0.0.1", "https://[::1]:8080/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest", "https:example.com", "https://example.com/" + strings.Repeat("x", 2048), "https://exa mple.com",
		"https://example.com:0/", "https://example.com:99999/", "https://0/", "https://127.1/", "https://0x7f.0.0.0x1/", "https://localhost./", "https://LOCALHOST/", "https://x.localhost/", "https://./",
		"https://[::10.0.0.1]/", "https://[::ffff:0:a00:1]/", "https://127.0.0.1./",
	} {
		if err := Allowed(nil).CheckURL(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, text := range []string{"https://example.com", "https://example.com:8443/a?b=c", "https://1.1.1.1/", "https://example.com./", "https://4u.example.com:65535", "https://example.4u/"} {
		if err := Allowed(nil).CheckURL(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := (Allowed{netip.MustParsePrefix("127.0.0.0/8")}).CheckURL("http://localhost:9999/hook"); err != nil {
		t.Error(err)
	}
}

// A name that leads to this machine is refused when it is dialled, although it passed as a URL.
func TestTheDialerRefusesWhatANameLeadsTo(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	t.Setenv("HTTP_PROXY", server.URL) // no proxy is used
	url := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	send := func(allowed Allowed, url string) Outcome {
		e := &webhook.Endpoint{URL: url, Secrets: []webhook.Secret{{Text: "whsec_1"}}}
		return NewClient("test", allowed, time.Now).Send(t.Context(), e, "A-1:1", []byte("{}"))
	}
	for _, scheme := range []string{"http", "https"} {
		if got := send(nil, scheme+strings.TrimPrefix(url, "http")); got.Err == nil || got.Status != 0 || !strings.Contains(got.Err.Error(), "--webhook-allow") {
			t.Errorf("%s: %+v", scheme, got)
		}
	}
	if len(asked) != 0 {
		t.Errorf("the server was asked for %v", asked)
	}
	loopback := Allowed{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if got := send(loopback, url+"/hook"); got.Err != nil || got.Status != 200 {
		t.Errorf("allowed: %+v", got)
	}
	if got := send(loopback, url+"/moved"); got.Err == nil || got.Status != 307 || !strings.Contains(got.Err.Error(), "redirect") {
		t.Errorf("moved: %+v", got)
	}
	if len(asked) != 2 {
		t.Errorf("the server was asked for %v", asked)
	}
}
