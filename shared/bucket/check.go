package bucket

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckKey checks a key against the limits of the port, so that every adapter refuses the same keys
// with ErrInvalid.
func CheckKey(key string) error {
	if len(key) > MaxKeyBytes || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
		return fmt.Errorf("%w: %d bytes, at most %d of UTF-8 without NUL", ErrInvalid, len(key), MaxKeyBytes)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." || len(part) > MaxPartBytes {
			return fmt.Errorf("%w: part %q", ErrInvalid, part)
		}
	}
	return nil
}
