// Package money knows amounts in minor units and the currencies that an account may be kept in.
//
// An amount is an int64 count of a currency's minor unit and there is no float anywhere. Max bounds
// every amount and every balance, so that a JSON reader that keeps numbers as doubles still sees
// them exactly.
//
// Which currencies are in use, and their exponents, come from golang.org/x/text/currency, corrected
// to ISO 4217 where that data is about something else (see currency.go). Rates, rounding and
// formatting for a locale are left to others.
//
// Next on the walk: event writes amounts down, account adds them up.
package money
