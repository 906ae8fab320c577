package audit

import (
	"errors"
	"math/big"
	"strconv"
)

// Sum is a sum over many accounts. It may be too large for a JSON reader that uses doubles, so JSON
// has it as a string.
type Sum struct{ big.Int }

// MarshalJSON writes the sum as a string of digits.
func (s *Sum) MarshalJSON() ([]byte, error) { return strconv.AppendQuote(nil, s.String()), nil }

// UnmarshalJSON reads the string that MarshalJSON writes.
func (s *Sum) UnmarshalJSON(text []byte) error {
	digits, err := strconv.Unquote(string(text))
	if _, ok := s.SetString(digits, 10); err != nil || !ok {
		return errors.New("audit: a sum must be a string of digits")
	}
	return nil
}
