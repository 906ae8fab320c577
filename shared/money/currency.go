package money

import (
	"sync"

	"golang.org/x/text/currency"
)

// Exponent is the number of decimals of a currency's minor unit by ISO 4217, and whether the code
// is of a currency that is legal tender today. Historic (DEM), fund (CHE), metal (XAU), test (XTS)
// and unknown codes are not, nor is lower case.
func Exponent(code string) (int, bool) {
	exponent, ok := tender()[code]
	return exponent, ok
}

// Supported says whether an account can be kept in the currency.
func Supported(code string) bool {
	_, ok := tender()[code]
	return ok
}

// tender maps each currency in present use to its exponent. currency.ParseISO would also accept
// historic and test codes; only Query tells tender apart.
var tender = sync.OnceValue(func() map[string]int {
	exponents := make(map[string]int)
	for it := currency.Query(); it.Next(); {
		code := it.Unit().String()
		exponents[code], _ = currency.Standard.Rounding(it.Unit())
	}
	for code, exponent := range amended {
		exponents[code] = exponent
	}
	for _, code := range withdrawn {
		delete(exponents, code)
	}
	return exponents
})

// amended is what ISO 4217 says where the library says otherwise: its digits are those customarily
// printed, which leave out minor units that are too small to see but are booked all the same, and
// its list of currencies ends with the year 2017.
var amended = map[string]int{
	"AFN": 2, "ALL": 2, "AMD": 2, "COP": 2, "GYD": 2, "IDR": 2, "IQD": 3, "IRR": 2, "KPW": 2, "LAK": 2, "LBP": 2, "MGA": 2,
	"MMK": 2, "MNT": 2, "MUR": 2, "PKR": 2, "RSD": 2, "SOS": 2, "SYP": 2, "TZS": 2, "UZS": 2, "YER": 2,

	"MRU": 2, // 2018, for MRO
	"VES": 2, // 2018, for VEF
	"SLE": 2, // 2022, for SLL
	"ZWG": 2, // 2024, for ZWL
	"XCG": 2, // 2025, for ANG
}

// withdrawn are the currencies that ended since the library's list was made.
var withdrawn = []string{"MRO", "VEF", "CUC", "HRK", "SLL", "ANG", "BGN"}
