package table

import (
	"slices"
	"testing"
	"time"
)

var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 250_000, time.UTC)
	attrs = Map{
		"s": S("text"), "n": N(-7), "b": B("raw"), "at": Time(noon), "never": Time(time.Time{}),
		"list": List{S("x"), N(1), S("y")},
	}
)

func TestMissingAttributeAndOneOfAnotherTypeReadAsZero(t *testing.T) {
	if attrs.Text("s") != "text" || attrs.Text("n") != "" || attrs.Text("none") != "" {
		t.Error("texts")
	}
	if attrs.Number("n") != -7 || attrs.Number("s") != 0 || attrs.Number("none") != 0 {
		t.Error("numbers")
	}
	if string(attrs.Bytes("b")) != "raw" || attrs.Bytes("s") != nil {
		t.Error("bytes")
	}
	if !slices.Equal(attrs.Texts("list"), []string{"x", "", "y"}) || attrs.Texts("none") != nil {
		t.Error("lists of texts")
	}
	if !attrs.Time("at").Equal(noon) || !attrs.Time("never").IsZero() || !attrs.Time("s").IsZero() || !attrs.Time("none").IsZero() {
		t.Error("times")
	}
}

func TestTimesHaveMicrosecondsAndAreInUTC(t *testing.T) {
	east := noon.In(time.FixedZone("east", 3600)).Add(999)
	if got := Time(east); got != "2026-03-01T12:00:00.000250Z" {
		t.Error(got)
	}
}

func TestReaderRemembersTheFirstAttributeThatItCouldNotRead(t *testing.T) {
	r := NewReader(attrs)
	if r.Text("s") != "text" || r.Number("n") != -7 || !r.Time("at").Equal(noon) || r.Bad() != "" {
		t.Errorf("could not read %q", r.Bad())
	}
	if string(r.Bytes("b")) != "raw" || string(r.Bytes("s")) != "text" || r.Bad() != "" {
		t.Errorf("could not read %q", r.Bad())
	}
	for name, read := range map[string]func(*Reader){
		"n": func(r *Reader) { r.Text("n") }, "s": func(r *Reader) { r.Number("s") }, "list": func(r *Reader) { r.Bytes("list") },
		"never": func(r *Reader) { r.Time("never") }, "none": func(r *Reader) { r.Text("none") }, "form": func(r *Reader) { r.Fail("form") },
	} {
		r := NewReader(attrs)
		read(r)
		r.Number("none")
		if r.Bad() != name {
			t.Errorf("%q is bad, want %q", r.Bad(), name)
		}
	}
}
