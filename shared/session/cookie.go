package session

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

const (
	// sessionFor is the longest time of a session.
	sessionFor = 8 * time.Hour
	// signInFor is how long a person may take to sign in.
	signInFor = 10 * time.Minute
	// maxCookie is the most bytes of a cookie, name and value, that browsers keep.
	maxCookie = 4096
)

// The purposes of cookies, which end their names.
const (
	ofSession = ""
	ofSignIn  = "-sign-in"
)

// The name of the cookie where a browser reaches the bank over https, and where it does over http
// on the same machine. The first is a name that browsers accept only with Secure, from the host
// itself.
const (
	secureName = "__Host-passbook"
	plainName  = "passbook"
)

// overHTTPS reports whether a browser reaches the bank over https: only a loopback address may be
// reached otherwise. A proxy may have ended TLS, so that the connection does not tell.
func overHTTPS(r *http.Request) bool { return r.TLS != nil || !isLoopback(r.Host) }

// isLoopback reports whether a Host header names this machine.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// newCookie returns a cookie of a purpose. A value of "" removes it.
func newCookie(r *http.Request, purpose, value string, age time.Duration) *http.Cookie {
	c := &http.Cookie{
		Name: secureName + purpose, Path: "/", Value: value, MaxAge: int(age / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if !overHTTPS(r) {
		// all ports of a machine share their cookies, so that the path at least is named
		c.Name, c.Path, c.Secure = plainName+purpose, "/ui", false
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// cookieValue returns the value of the request's cookie of a purpose, "" without one. Of several,
// none is trusted.
func cookieValue(r *http.Request, purpose string) string {
	found := r.CookiesNamed(newCookie(r, purpose, "x", 0).Name)
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// isOurs reports whether the bank's own page sent a form, as the browser says. Every browser that
// still gets updates sends Origin with a POST.
func isOurs(r *http.Request) bool {
	sites, origins := r.Header["Sec-Fetch-Site"], r.Header["Origin"]
	if len(sites) > 1 || len(origins) > 1 || len(sites) == 1 && sites[0] != "same-origin" {
		return false
	}
	if len(origins) == 0 {
		return len(sites) == 1
	}
	return origins[0] == "https://"+r.Host || r.TLS == nil && origins[0] == "http://"+r.Host
}

// base returns scheme and host of the bank, as the browser knows them.
func base(r *http.Request) string {
	if overHTTPS(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// asked returns the path of a request for a page, as local does.
func asked(r *http.Request) string {
	query := r.URL.Query()
	query.Del(signedIn)
	if rest := query.Encode(); rest != "" {
		return local(r.URL.Path + "?" + rest)
	}
	return local(r.URL.Path)
}

// local returns a path below /ui/ that a person asked for, or /ui/ for anything that a link could
// lead elsewhere with.
func local(path string) string {
	if !strings.HasPrefix(path, home) || strings.ContainsAny(path, "\\\r\n\t#") || strings.Contains(path, "//") || len(path) > 1024 ||
		strings.HasPrefix(path, loginPath) || strings.HasPrefix(path, callbackPath) {
		return home
	}
	return path
}
