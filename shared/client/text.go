package client

import (
	"encoding/json"
	"fmt"
)

// Text is a text that may be personal. One that the bank keeps sealed, or whose key was erased, has
// Sealed in place of a value.
type Text struct {
	Value  string
	Sealed string
}

// sealed is a sealed text in JSON.
type sealed struct {
	Enc string `json:"enc"`
}

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t == Text{} }

// String returns the text, or a word for a sealed one.
func (t Text) String() string {
	if t.Sealed != "" {
		return "(sealed)"
	}
	return t.Value
}

// MarshalJSON returns the text as the contract has it.
func (t Text) MarshalJSON() ([]byte, error) {
	if t.Sealed != "" {
		return json.Marshal(sealed{t.Sealed})
	}
	return json.Marshal(t.Value)
}

// UnmarshalJSON reads a text, sealed or not.
func (t *Text) UnmarshalJSON(data []byte) error {
	*t = Text{}
	if len(data) > 0 && data[0] == '{' {
		var s sealed
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("a sealed text: %w", err)
		}
		t.Sealed = s.Enc
		return nil
	}
	if err := json.Unmarshal(data, &t.Value); err != nil {
		return fmt.Errorf("a text: %w", err)
	}
	return nil
}
