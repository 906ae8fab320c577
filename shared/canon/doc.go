// Package canon writes and reads canonical JSON: for one value there is exactly one sequence of
// bytes.
//
// A type lists its fields once, as calls on a Codec, and the same list writes the value or reads
// it. So order, names, ranges and the rule for empty fields cannot drift apart, and whatever a
// reader accepts, a writer gives back byte for byte. That is what lets a hash over the bytes stand
// for the value.
//
// The rules: fields in the listed order, no white space, integers without superfluous digits, times
// in UTC with exactly six decimals, strings in valid UTF-8 with only quote, backslash and control
// characters escaped. A string, time or version that is empty is left out; other numbers and
// booleans are always there. What breaks a rule is an *Error that names the field.
//
// What callers send is freer: ParseRFC3339 reads every spelling of a time that RFC 3339 allows.
//
// It knows nothing of accounts. Next on the walk: event writes entries with it, account its state.
package canon
