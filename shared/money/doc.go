// Package money defines amounts in minor units and the currencies that an account may be kept in.
//
// An amount is an int64 count of a currency's minor unit. There is no float anywhere. Max bounds
// every amount and every balance, so that a JSON reader that keeps numbers as doubles still reads
// them exactly.
//
// Which currencies are in use, and their exponents, come from github.com/bojanz/currency, which
// follows ISO 4217. It does not convert, round or format for a locale.
//
// Next on the walk: event, which stores amounts, and account, which adds them up.
package money
