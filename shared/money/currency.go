package money

import "github.com/bojanz/currency"

// Exponent returns the number of decimals of a currency's minor unit by ISO 4217, and whether an
// account can be kept in the currency: whether code is that of a currency in present use. Historic
// codes (DEM), funds (CHE), metals (XAU), test codes (XTS), unknown ones and lower case are not.
func Exponent(code string) (int, bool) {
	if notTender[code] {
		return 0, false
	}
	digits, ok := currency.GetDigits(code)
	return int(digits), ok
}

// notTender are codes of the library's list in which no account is kept: funds and units of
// account, the colón, which El Salvador no longer issues, and the second code of the bolívar.
var notTender = map[string]bool{
	"BOV": true, "CHE": true, "CHW": true, "CLF": true, "COU": true, "MXV": true, "USN": true, "UYI": true, "UYW": true, "XAD": true,
	"SVC": true, "VED": true,
}
