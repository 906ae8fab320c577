package event

import (
	"encoding/json"
	"errors"

	"passbook/shared/canonicaljson"
)

// textField writes or reads a Text of up to most stored bytes that is left out when it is empty.
func textField(c *canonicaljson.Codec, name string, t *Text, most int) {
	sealed := t.Sealed != ""
	if c.Reading() {
		sealed = c.AtObject(name)
	}
	if !sealed {
		c.OptString(name, &t.Plain, most)
		return
	}
	c.Check(t.Plain == "", name, "must be plain or sealed, not both")
	c.Object(name)
	c.String("enc", &t.Sealed, most)
	c.EndObject()
}

// MarshalJSON writes a string, or {"enc":"..."} when the text is sealed.
func (t Text) MarshalJSON() ([]byte, error) {
	if t.Sealed != "" {
		return append(canonicaljson.AppendString([]byte(`{"enc":`), t.Sealed), '}'), nil
	}
	return canonicaljson.AppendString(nil, t.Plain), nil
}

// UnmarshalJSON reads either form.
func (t *Text) UnmarshalJSON(data []byte) error {
	var plain string
	if err := json.Unmarshal(data, &plain); err == nil {
		*t = Text{Plain: plain}
		return nil
	}
	var sealed map[string]string
	if err := json.Unmarshal(data, &sealed); err != nil || len(sealed) != 1 || sealed["enc"] == "" {
		return errors.New(`event: a text must be a string or {"enc":"..."}`)
	}
	*t = Text{Sealed: sealed["enc"]}
	return nil
}
