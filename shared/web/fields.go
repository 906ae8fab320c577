package web

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"

	"passbook/shared/account"
	"passbook/shared/canonicaljson"
)

// FieldError names one part of a request that violates the contract: a JSON pointer into the body,
// or "/" and the name of a parameter or header, and what is wrong with it. It never contains a
// value.
type FieldError = account.FieldError

// The codes of a FieldError besides those of package account, for a field or for a body as a whole.
const (
	FieldUnknown       = "unknown-field"
	FieldDuplicate     = "duplicate-field"
	FieldWrongType     = "wrong-type"
	FieldNotAnInteger  = "not-an-integer"
	FieldNotAnObject   = "not-an-object"
	FieldNotUTF8       = "not-utf-8"
	FieldTrailingData  = "trailing-data"
	FieldTooDeep       = "too-deep"
	FieldTooManyFields = "too-many-fields"
	FieldNotTogether   = "not-together"
)

// Need says whether a field may be absent.
type Need bool

// A Required field that is absent is an error; an Optional one is its zero value.
const (
	Required Need = true
	Optional Need = false
)

// Fields decodes one flat JSON object: a command from a body or a line of bulk, with the parameters
// of its path. A decoder takes the fields that it knows, one call each, in a fixed order. Errors
// are collected, and a field that was not taken is unknown. The same calls write the command's
// canonical form, as received: absent fields stay absent, so that a later change of a default does
// not make a repeated command differ from its first. A Fields is for one goroutine; the strings
// that it returns are copies.
type Fields struct {
	// Key is the command's Idempotency-Key, and Tenant the tenant of its account.
	Key, Tenant string

	list  []field
	canon []byte
	// accountName and account are the field that AccountID took, which is not in the canonical
	// form.
	accountName, account string
	errs                 []FieldError
	fault                string
}

// ParseFields reads an object. An empty body is an object without fields. What is wrong with it is
// in Problem.
func ParseFields(body []byte) *Fields {
	f := &Fields{}
	f.Parse(body)
	return f
}

// Parse reads another body into f, reusing its memory.
func (f *Fields) Parse(body []byte) {
	f.list, f.canon, f.errs, f.fault = f.list[:0], append(f.canon[:0], '{'), nil, ""
	f.accountName, f.account = "", ""
	if len(body) == 0 {
		return
	}
	f.list, f.fault = scanObject(f.list, body)
	if f.fault != "" {
		return
	}
	for i := range f.list {
		for j := range i {
			if bytes.Equal(f.list[i].name, f.list[j].name) {
				f.fail(f.list[i].name, FieldDuplicate)
				f.list[i].taken = true
				break
			}
		}
	}
}

// AddParam adds a field from the path. The body must not have it too.
func (f *Fields) AddParam(name, value string) {
	f.list = append(f.list, field{name: []byte(name), raw: []byte(value), kind: kindParam})
}

// take finds a field of a kind, the given one before the body's, or records what is wrong.
func (f *Fields) take(name string, kind byte, need Need) *field {
	for i := len(f.list) - 1; i >= 0; i-- {
		found := &f.list[i]
		if found.taken || string(found.name) != name {
			continue
		}
		found.taken = true
		if found.kind == kind || found.kind == kindParam && kind == kindString {
			return found
		}
		f.FailForm(name, FieldWrongType, kindForms[kind])
		return nil
	}
	if need == Required {
		f.Fail(name, account.FieldRequired)
	}
	return nil
}

// String takes a string. An empty one is an error: a caller leaves out what it does not have.
func (f *Fields) String(name string, need Need) string {
	text := f.Text(name, need)
	if text != "" {
		f.canonName(name)
		f.canon = canonicaljson.AppendString(f.canon, text)
	}
	return text
}

// Text takes a string that is not a part of the canonical form.
func (f *Fields) Text(name string, need Need) string {
	found := f.take(name, kindString, need)
	if found == nil {
		return ""
	}
	text, ok := string(found.raw), true
	if found.kind == kindString {
		text, ok = unescape(found.raw)
	}
	if !ok || text == "" {
		f.FailForm(name, account.FieldSyntax, "a text that is not empty, without half of a surrogate pair")
		return ""
	}
	return text
}

// OptText takes a string that may be empty, and is nil when it is absent. It is not a part of the
// canonical form.
func (f *Fields) OptText(name string) *string {
	found := f.take(name, kindString, Optional)
	if found == nil {
		return nil
	}
	text, ok := unescape(found.raw)
	if !ok {
		f.FailForm(name, account.FieldSyntax, "a text without half of a surrogate pair")
		return nil
	}
	return &text
}

// AccountID takes the id of the command's account, which is not a part of the canonical form:
// requests are compared per account. It returns "" when there is none, or when it is invalid.
func (f *Fields) AccountID(name string, need Need) string {
	known := len(f.errs)
	id := f.Text(name, need)
	if id != "" && !account.ValidAccountID(id) {
		f.Fail(name, account.FieldSyntax)
		id = ""
	}
	if len(f.errs) > known {
		f.errs[known].Detail = account.Expected(account.FormID)
		return ""
	}
	f.accountName, f.account = name, id
	return id
}

// Int takes a whole number; 0 when it is absent.
func (f *Fields) Int(name string, need Need) int64 {
	v, _ := f.integer(name, need)
	return v
}

// OptInt takes a whole number that is nil when it is absent.
func (f *Fields) OptInt(name string) *int64 {
	if v, ok := f.integer(name, Optional); ok {
		return &v
	}
	return nil
}

func (f *Fields) integer(name string, need Need) (v int64, ok bool) {
	found := f.take(name, kindNumber, need)
	if found == nil {
		return 0, false
	}
	v, fault := wholeNumber(found.raw)
	if fault != "" {
		f.Fail(name, fault)
		return 0, false
	}
	f.canonName(name)
	f.canon = strconv.AppendInt(f.canon, v, 10)
	return v, true
}

// Bool takes a boolean; false when it is absent.
func (f *Fields) Bool(name string) bool {
	v := f.OptBool(name)
	return v != nil && *v
}

// OptBool takes a boolean that is nil when it is absent.
func (f *Fields) OptBool(name string) *bool {
	found := f.take(name, kindBool, Optional)
	if found == nil {
		return nil
	}
	v := found.raw[0] == 't'
	f.canonName(name)
	f.canon = strconv.AppendBool(f.canon, v)
	return &v
}

// Check adds what a command's Validate found. Of a field that is known to be wrong already it takes
// only the detail, as Validate knows the field's form.
func (f *Fields) Check(found []FieldError) {
	for _, e := range found {
		i := slices.IndexFunc(f.errs, func(known FieldError) bool { return known.Pointer == e.Pointer })
		if i < 0 {
			f.errs = append(f.errs, e)
			continue
		}
		f.errs[i].Detail = e.Detail
	}
}

// Fail records that a field is wrong.
func (f *Fields) Fail(name, code string) { f.fail([]byte(name), code) }

// FailForm records that a field is wrong; form is what it may be.
func (f *Fields) FailForm(name, code, form string) {
	f.Fail(name, code)
	f.errs[len(f.errs)-1].Detail = account.Expected(form)
}

// fieldNames matches the names that a problem document may repeat: a text of this form is a field's
// name, not a value.
var fieldNames = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,39}$`)

func (f *Fields) fail(name []byte, code string) {
	pointer := ""
	if fieldNames.Match(name) {
		pointer = "/" + string(name)
	}
	f.errs = append(f.errs, FieldError{Pointer: pointer, Code: code})
}

// Invalid returns what is wrong with the object and with the fields that were taken so far, or nil.
func (f *Fields) Invalid() *Problem {
	switch {
	case f.fault != "":
		e := FieldError{Code: f.fault}
		if e.Code == account.FieldSyntax {
			e.Detail = account.Expected("one JSON object, complete and as RFC 8259 writes it")
		}
		return &Problem{ProblemType: MalformedRequest, Errors: []FieldError{e}}
	case len(f.errs) > 0:
		return &Problem{ProblemType: ValidationFailed, Errors: f.errs[:min(len(f.errs), maxFields)]}
	}
	return nil
}

// Problem returns what is wrong with the object once every known field was taken, or nil.
func (f *Fields) Problem() *Problem {
	if f.fault != "" {
		return f.Invalid()
	}
	for i := range f.list {
		if !f.list[i].taken {
			f.fail(f.list[i].name, FieldUnknown)
		}
	}
	return f.Invalid()
}

// Canonical returns the command as our encoder writes it: the fields that were taken, in the order
// of the calls. It is valid until the next Parse.
func (f *Fields) Canonical() []byte { return append(f.canon, '}') }

// Whole returns a copy of the command with its account, from which its decoder makes the same
// command.
func (f *Fields) Whole() []byte {
	canonical := f.Canonical()
	if f.account == "" {
		return bytes.Clone(canonical)
	}
	out := append(make([]byte, 0, len(canonical)+len(f.account)+32), `{"`...)
	out = append(append(append(out, f.accountName...), `":"`...), f.account...)
	out = append(out, '"')
	if len(canonical) > len("{}") {
		out = append(out, ',')
	}
	return append(out, canonical[1:]...)
}

func (f *Fields) canonName(name string) {
	if len(f.canon) > 1 {
		f.canon = append(f.canon, ',')
	}
	f.canon = append(f.canon, '"')
	f.canon = append(f.canon, name...)
	f.canon = append(f.canon, '"', ':')
}
