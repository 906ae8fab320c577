package delivery

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"passbook/shared/webhook"
)

// refused are the networks that are inside of a bank or of its machines, besides those that
// netip.Addr knows: nothing is sent there unless it is allowed.
var refused = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "fec0::/10",
)

// prefixes returns networks that are written as constants.
func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Allowed are networks to which events may be sent although they are not on the internet.
type Allowed []netip.Prefix

// has reports whether an address is in one of the networks.
func (a Allowed) has(ip netip.Addr) bool {
	return slices.ContainsFunc(a, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// check returns an error for an address to which nothing may be sent.
func (a Allowed) check(ip netip.Addr, plain bool) error {
	ip = ip.Unmap().WithZone("")
	switch {
	case a.has(ip):
		return nil
	case plain:
		return fmt.Errorf("http:// is sent only to the networks of --webhook-allow (PASSBOOK_WEBHOOK_ALLOW), and %s is in none: use https://", ip)
	case !ip.IsGlobalUnicast() || ip.IsPrivate() || slices.ContainsFunc(refused, func(p netip.Prefix) bool { return p.Contains(ip) }):
		return fmt.Errorf("%s is no address of the internet: if events are to be sent there, start the bank with --webhook-allow (PASSBOOK_WEBHOOK_ALLOW) naming its network", ip)
	}
	return nil
}

// refusedError is why nothing was sent to an address.
type refusedError struct{ why error }

// Error returns the reason.
func (e *refusedError) Error() string { return e.why.Error() }

// control returns a net.Dialer's function that refuses addresses once names are resolved, so that
// no name can be pointed elsewhere after it was checked.
func (a Allowed) control(plain bool) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		if network != "tcp4" && network != "tcp6" {
			return &refusedError{fmt.Errorf("%s is no TCP", network)}
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return &refusedError{err}
		}
		ip, err := netip.ParseAddr(host)
		if err == nil {
			err = a.check(ip, plain)
		}
		if err != nil {
			return &refusedError{err}
		}
		return nil
	}
}

// CheckURL returns an error, for people, for a URL to which nothing would be sent, as far as it can
// be told without resolving its name.
func (a Allowed) CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || len(text) > webhook.MaxURL:
		return fmt.Errorf("an absolute URL of at most %d bytes, such as https://example.com/passbook", webhook.MaxURL)
	case u.User != nil || u.Fragment != "":
		return errors.New("a URL without a password and without a fragment: what is sent is signed")
	case u.Scheme != "https" && (u.Scheme != "http" || len(a) == 0):
		return errors.New("a URL that begins with https://; http:// needs --webhook-allow (PASSBOOK_WEBHOOK_ALLOW)")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("a URL whose port is 1 to 65535")
		}
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if err := a.check(ip, u.Scheme == "http"); err != nil {
			return fmt.Errorf("a host of the internet: %w", err)
		}
	} else if last := host[strings.LastIndexByte(host, '.')+1:]; strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return errors.New("a URL with a name, or with a whole IP address such as 192.0.2.1: no name of the internet ends in a number")
	}
	return nil
}
