package audit

import (
	"errors"
	"math/big"
	"strconv"
)

// Sum is what many accounts stand at together. It may be more than a JSON reader with doubles
// keeps, so that JSON has it as text.
type Sum struct{ big.Int }

// MarshalJSON writes the sum as a string of digits.
func (s *Sum) MarshalJSON() ([]byte, error) { return strconv.AppendQuote(nil, s.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Sum) UnmarshalJSON(text []byte) error {
	digits, err := strconv.Unquote(string(text))
	if _, ok := s.SetString(digits, 10); err != nil || !ok {
		return errors.New("audit: a sum is a string of digits")
	}
	return nil
}
