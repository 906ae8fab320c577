package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"passbook/shared/account"
)

// decodeAll takes every kind of field, as the services' decoders do.
func decodeAll(f *Fields) (taken string) {
	id := f.AccountID("account_id", Optional)
	amount := f.Int("amount", Required)
	text := f.String("reference", Optional)
	limit := f.OptInt("limit")
	force := f.Bool("force")
	final := f.OptBool("final")
	taken = fmt.Sprintf("%s|%d|%q|%t|", id, amount, text, force)
	if limit != nil {
		taken += fmt.Sprint(*limit)
	}
	if final != nil {
		taken += fmt.Sprint("|", *final)
	}
	return taken
}

func TestCanonicalFormHasTheFieldsInTheOrderOfTheDecoder(t *testing.T) {
	for body, want := range map[string]string{
		`{"amount":5}`: `|5|""|false| {"amount":5}`,
		" { \"force\" : true ,\n\t\"amount\" : 5 } ":                                 `|5|""|true| {"amount":5,"force":true}`,
		`{"final":false,"limit":0,"amount":-5}`:                                      `|-5|""|false|0|false {"amount":-5,"limit":0,"final":false}`,
		`{"account_id":"A-1","amount":1,"reference":"a\u0041\/\"\\\n\ud83d\ude00é"}`: `A-1|1|"aA/\"\\\n😀é"|false| {"amount":1,"reference":"aA/\"\\\n😀é"}`,
	} {
		f := ParseFields([]byte(body))
		taken := decodeAll(f)
		if p := f.Problem(); p != nil {
			t.Errorf("%s: %v", body, p.Errors)
			continue
		}
		if got := taken + " " + string(f.Canonical()); got != want {
			t.Errorf("%s:\n%s, not\n%s", body, got, want)
		}
	}
}

// The same text is equal however a client's encoder escapes it: in values, in names, and so in the
// hash that belongs to a key.
func TestEscapesDoNotChangeAText(t *testing.T) {
	for name, forms := range map[string][]string{
		"the replacement character":  {"\"Caf\uFFFD \\\"x\"", `"Caf\ufffd \"x"`, `"Caf\uFFFD\u0020\u0022x"`},
		"a character beyond 16 bits": {`"😀\n"`, `"\ud83d\ude00\n"`, `"\uD83D\uDE00\u000a"`},
		"a backslash before a u":     {`"\\ud800"`, `"\u005cud800"`},
	} {
		for _, form := range forms {
			want := ParseFields([]byte(`{"amount":1,"reference":` + forms[0] + `}`))
			got := ParseFields([]byte(`{"\u0061mount":1,"referen\u0063e":` + form + `}`))
			wanted, taken := decodeAll(want), decodeAll(got)
			if p := got.Problem(); p != nil || taken != wanted || !bytes.Equal(got.Canonical(), want.Canonical()) {
				t.Errorf("%s, %s: %s %s %+v, not %s", name, form, taken, got.Canonical(), p, wanted)
			}
		}
	}
	for _, form := range []string{`"\ud800"`, `"\udc00"`, `"\ud800x"`, `"\ud800\n"`, `"\ud800\ud800"`, `"\udc00\ud800"`, `"\ud800\u0041"`, `"\ufffd\ud800"`, `"\ud83d\ude00\ude00"`} {
		f := ParseFields([]byte(`{"amount":1,"reference":` + form + `}`))
		decodeAll(f)
		if p := f.Problem(); p == nil || faults(p) != "[{/reference syntax}]" {
			t.Errorf("half a character, %s: %+v", form, p)
		}
		f = ParseFields([]byte(`{"amount":1,` + form + `:1}`))
		decodeAll(f)
		if p := f.Problem(); p == nil || faults(p) != "[{ unknown-field}]" {
			t.Errorf("a name of half a character, %s: %+v", form, p)
		}
	}
	f := ParseFields([]byte(`{"amount":1,"\u0061mount":2}`))
	decodeAll(f)
	if p := f.Problem(); p == nil || faults(p) != "[{/amount duplicate-field}]" {
		t.Errorf("a name twice, once escaped: %+v", p)
	}
}

func TestFieldsOfThePathAreNotInTheBody(t *testing.T) {
	f := ParseFields([]byte(`{"amount":1}`))
	f.AddParam("account_id", "A-1")
	if taken := decodeAll(f); !strings.HasPrefix(taken, "A-1|") || f.Problem() != nil {
		t.Fatalf("%s %v", taken, f.Problem())
	}
	f.Parse([]byte(`{"amount":1,"account_id":"B-1"}`))
	f.AddParam("account_id", "A-1")
	taken := decodeAll(f)
	if p := f.Problem(); !strings.HasPrefix(taken, "A-1|") || p == nil || faults(p) != "[{/account_id unknown-field}]" {
		t.Fatalf("%s %v", taken, p)
	}
	// Text from the path has no escapes.
	f.Parse([]byte(`{"amount":1}`))
	f.AddParam("reference", `a\u0041`)
	if taken := decodeAll(f); !strings.Contains(taken, `"a\\u0041"`) {
		t.Fatalf("%s", taken)
	}
}

func TestBodiesOutsideTheirBoundsAreRefused(t *testing.T) {
	var many strings.Builder
	for i := range maxFields + 1 {
		fmt.Fprintf(&many, `,"f%d":1`, i)
	}
	for body, want := range map[string]string{
		`{"amount":1` + many.String() + `}`: FieldTooManyFields,
		`{"amount":1,"x":` + strings.Repeat(`{"a":`, maxDepth) + `1` + strings.Repeat(`}`, maxDepth) + `}`: FieldTooDeep,
		`{"amount":1}x`:         FieldTrailingData,
		"{\"amount\":1}\x00":    FieldTrailingData,
		"{\"a\x00\":1}":         account.FieldSyntax,
		`{"amount":1,"a":"`:     account.FieldSyntax,
		`{"amount":1,"a":"\u12`: account.FieldSyntax,
		`{"amount":1 "a":2}`:    account.FieldSyntax,
		`{"amount":tru}`:        account.FieldSyntax,
		`{"amount":1.}`:         account.FieldSyntax,
		`{"amount":.5}`:         account.FieldSyntax,
		`{"amount":1e}`:         account.FieldSyntax,
		`{"amount":-}`:          account.FieldSyntax,
		`{,}`:                   account.FieldSyntax,
		`{"a":[1,]}`:            account.FieldSyntax,
		`   `:                   account.FieldSyntax,
		`[]`:                    FieldNotAnObject,
	} {
		f := ParseFields([]byte(body))
		decodeAll(f)
		p := f.Problem()
		if p == nil || p.Code != MalformedRequest.Code || p.Errors[0].Code != want {
			t.Errorf("%.60q: %+v, not %s", body, p, want)
		}
	}
}

func TestErrorsAreAsManyAsFieldsAtMost(t *testing.T) {
	f := ParseFields([]byte(`{` + strings.TrimPrefix(strings.Repeat(`,"a":1`, maxFields), ",") + `}`))
	decodeAll(f)
	if p := f.Problem(); len(p.Errors) > maxFields {
		t.Fatalf("%d errors", len(p.Errors))
	}
}

// For any body, the scanner agrees with encoding/json on what is an object, the canonical form is
// JSON that decodes to the same command and the same form, and nothing panics.
func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"amount":1}`, `{"amount":-0,"reference":"\ud83d\ude00","force":true}`, `{"amount":1,"x":[{"y":null}]}`, `{"a":1}{`,
		`{"amount":1e5}`, "{\"reference\":\"\xff\"}", `{"limit":9223372036854775808}`, `{"final":false,"account_id":"A-1"}`, `[[[[`, `{"a":"\u00"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		fields := ParseFields(body)
		taken := decodeAll(fields)
		problem := fields.Problem()
		if fields.fault == "" && len(body) > 0 && (!json.Valid(body) || bytes.TrimLeft(body, " \t\r\n")[0] != '{') {
			t.Fatalf("took %q for an object", body)
		}
		if fields.fault == account.FieldSyntax && json.Valid(body) {
			t.Fatalf("took %q for no JSON", body)
		}
		if problem != nil {
			problem.Append(nil, "c")
			return
		}
		canonical := append([]byte(nil), fields.Canonical()...)
		again := ParseFields(canonical)
		if id, _, _ := strings.Cut(taken, "|"); id != "" {
			again.AddParam("account_id", id)
		}
		if got := decodeAll(again); got != taken || again.Problem() != nil || !bytes.Equal(again.Canonical(), canonical) {
			t.Fatalf("%q became %q: %s, not %s (%v)", body, canonical, got, taken, again.Problem())
		}
	})
}

func BenchmarkDecodeCommand(b *testing.B) {
	body := []byte(`{"amount":12550,"currency":"EUR","kind":"card","reference":"invoice 4711"}`)
	var f Fields
	b.ReportAllocs()
	for b.Loop() {
		f.Parse(body)
		f.AddParam("account_id", "A-1")
		f.AccountID("account_id", Required)
		f.Int("amount", Required)
		f.String("currency", Required)
		f.String("kind", Optional)
		f.String("reference", Optional)
		if f.Problem() != nil || len(f.Canonical()) == 0 {
			b.Fatal("refused")
		}
	}
}

// faults returns the wrong fields of a problem, each with its code.
func faults(p *Problem) string {
	found := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		found[i] = fmt.Sprintf("{%s %s}", e.Pointer, e.Code)
	}
	return "[" + strings.Join(found, " ") + "]"
}

// JSON Schema has 100, 100.0 and 1e2 as one integer, so a body with any of them is the same
// command.
func TestWholeNumbersMayBeWrittenAsFractions(t *testing.T) {
	for text, want := range map[string]string{
		"100": "100", "100.0": "100", "1e2": "100", "1E+2": "100", "10.0e1": "100", "1000e-1": "100", "0.1e3": "100", "-0": "0", "-0.0e9": "0", "0e999999999999999999999": "0",
		"9007199254740991.000": "9007199254740991", "-12e0": "-12", "92233720368547758.07e2": "9223372036854775807",
		"0.5": FieldNotAnInteger, "1e-1": FieldNotAnInteger, "123e-99999999999999999999": FieldNotAnInteger, "100.01": FieldNotAnInteger,
		"1e19": account.FieldOutOfRange, "9223372036854775808": account.FieldOutOfRange, "1e999999999999999999999": account.FieldOutOfRange, "1e400": account.FieldOutOfRange,
	} {
		f := ParseFields([]byte(`{"amount":` + text + `}`))
		v := f.Int("amount", Required)
		got := string(f.Canonical())
		if p := f.Problem(); p != nil {
			got, want = faults(p), "[{/amount "+want+"}]"
		} else {
			want = `{"amount":` + want + `}`
		}
		if got != want || !strings.Contains(text, "1e") && f.Invalid() == nil && strconv.FormatInt(v, 10) != strings.Trim(want, `{"amount:}`) {
			t.Errorf("%s: %s and %d, not %s", text, got, v, want)
		}
	}
}

// Each code of a field error has words, and a command's Validate gives better ones for a field that
// the decoder has refused.
func TestFieldErrorsSayWhatIsExpected(t *testing.T) {
	for code, detail := range details {
		if !strings.HasSuffix(detail, ".") {
			t.Errorf("%s: %q", code, detail)
		}
	}
	f := ParseFields([]byte(`{"amount":"x","force":1,"colour":1}`))
	f.Int("amount", Required)
	f.Bool("force")
	f.String("currency", Required)
	var shape account.Shape
	shape.Amount("/amount", 0)
	shape.Currency("/currency", "")
	f.Check(shape)
	var words []string
	for _, e := range f.Problem().Errors {
		words = append(words, e.Pointer+" "+e.Code+": "+detailOf(e))
	}
	want := []string{
		"/amount wrong-type: Expected: " + account.FormAmount + ".", "/force wrong-type: Expected: true or false.",
		"/currency required: Expected: " + account.FormCurrency + ".", "/colour unknown-field: There is no such field or parameter here.",
	}
	if !slices.Equal(words, want) {
		t.Errorf("%q", words)
	}
}
