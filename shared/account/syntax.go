package account

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidAccountID reports whether s matches ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$.
func ValidAccountID(s string) bool {
	return len(s) >= 1 && len(s) <= 64 && alphanumeric(s[0]) && only(s, func(b byte) bool {
		return alphanumeric(b) || b == '.' || b == '_' || b == '-'
	})
}

// ValidCode reports whether s can be a holder reference, a product or a reason code: it has the
// syntax of an account id. As a part of keys it has no '#', and it must not name a person.
func ValidCode(s string) bool { return ValidAccountID(s) }

// ValidCurrency reports whether s is three capital letters; money.Exponent knows whether they are a
// currency.
func ValidCurrency(s string) bool {
	return len(s) == 3 && only(s, func(b byte) bool { return 'A' <= b && b <= 'Z' })
}

// ValidName reports whether s can be a contra account, a decider or a reference to a decision: 1 to
// 64 bytes of UTF-8 without control characters and overrides of direction.
func ValidName(s string) bool {
	return len(s) >= 1 && len(s) <= 64 && utf8.ValidString(s) && strings.IndexFunc(s, misleads) < 0
}

// misleads reports whether a character makes a text look other than it is: a control character, or
// one that overrides the direction of the text after it (U+202D, U+202E).
func misleads(r rune) bool { return unicode.IsControl(r) || r == '\u202d' || r == '\u202e' }

// ValidKey reports whether s can be an Idempotency-Key: 1 to 255 printable ASCII characters.
func ValidKey(s string) bool {
	return len(s) >= 1 && len(s) <= 255 && only(s, func(b byte) bool { return ' ' <= b && b <= '~' })
}

// MakeID returns the id of an account that is opened without one. It depends on the tenant and the
// idempotency key only, so that a repeated command opens the same account. It has 26 lower-case
// characters.
func MakeID(tenant, key string) string {
	sum := sha256.Sum256([]byte(tenant + "\nopen\n" + key))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:26]
}

func alphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

func only(s string, ok func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}
