// Package canonicaljson writes and reads canonical JSON: for one value there is exactly one
// sequence of bytes.
//
// A type lists its fields once, as calls on a Codec, and the same list writes the value or reads
// it. So order, names, ranges and the rule for empty fields cannot differ, and what a reader
// accepts, a writer writes back byte for byte. That is why a hash over the bytes can stand for the
// value.
//
// The rules: fields in the listed order, no white space, integers without superfluous digits, times
// in UTC with exactly six decimals, strings in valid UTF-8 with only quote, backslash and control
// characters escaped. A string, time or version that is empty is left out; other numbers and
// booleans are always there. What breaks a rule is an *Error that names the field.
//
// What callers send may be freer: ParseRFC3339 reads every spelling of a time that RFC 3339 allows.
//
// It knows nothing of accounts: event writes entries with it, account its state. Next on the walk:
// event.
package canonicaljson
