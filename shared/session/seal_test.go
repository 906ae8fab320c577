package session

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"passbook/shared/access"
)

// What a session is comes back from its cookie as it was, for bearers of any form.
func TestSessionsComeBackFromTheirCookies(t *testing.T) {
	s := sealer{func(string) ([]byte, bool) { return make([]byte, 32), true }}
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.Custom(func(t *rapid.T) string {
			return base64.RawURLEncoding.EncodeToString(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "part"))
		})
		bearer := rapid.OneOf(
			rapid.StringMatching(`pb_[A-Za-z0-9]{12}_[A-Za-z0-9]{43}`),
			rapid.Map(rapid.SliceOfN(part, 1, 4), func(parts []string) string { return strings.Join(parts, ".") }),
			rapid.StringMatching(`[A-Za-z0-9._=\n-]{0,60}`),
		).Draw(t, "bearer")
		want := content{began: time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "began"), 0), bearer: bearer}
		copy(want.id[:], rapid.SliceOfN(rapid.Byte(), idBytes, idBytes).Draw(t, "id"))
		value, err := s.seal("session", want.encode())
		if err != nil {
			t.Fatal(err)
		}
		plain, ok := s.open("session", value)
		got, valid := decodeContent(plain)
		if !ok || !valid || got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
		if _, ok := s.open("sign-in", value); ok {
			t.Fatal("a session passes as a sign-in")
		}
	})
}

// Bytes that no session was encoded as are refused without a panic.
func TestBytesThatAreNoSession(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		if c, ok := decodeContent(b); ok && string(c.encode()) != string(b) && b[8+idBytes] == plainBearer && strings.Count(c.bearer, ".") != 2 {
			t.Fatalf("%x is %+v", b, c)
		}
	})
}

func TestEveryScopeIsExplained(t *testing.T) {
	all := rights(access.All)
	if len(all) != len(access.All.Names()) {
		t.Errorf("%d of %d", len(all), len(access.All.Names()))
	}
	for _, r := range all {
		if r.Allows == "" {
			t.Errorf("%s is not explained", r.Scope)
		}
	}
}
