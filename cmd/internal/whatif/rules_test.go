package whatif

import (
	"strings"
	"testing"

	"passbook/shared/money"
)

func TestTheErrorNamesWhatIsWrong(t *testing.T) {
	for rules, want := range map[string]string{
		`{`:             "the rules: it is not JSON",
		`[]`:            "the rules: it must be a JSON object, and is JSON of another kind: array",
		`{} {}`:         "the rules: something follows",
		`{"limit":[]}`:  `the rules: there is no member "limit"`,
		`{"limits":{}}`: "the rules: limits cannot be a JSON object",
		`{"limits":[{"currency":"EUR","at_most":1},{"currency":"EUR","cap":1}]}`:                                     `limits[1]: there is no member "cap"`,
		`{"limits":[{"currency":"EUR","at_most":"1"}]}`:                                                              "limits[0]: at_most cannot be a JSON string",
		`{"limits":[{"currency":"EUR","at_most":1.5}]}`:                                                              "limits[0]: at_most cannot be a JSON number 1.5",
		`{"limits":[{"at_most":1}]}`:                                                                                 "limits[0]: currency must be",
		`{"limits":[null]}`:                                                                                          "limits[0]: currency must be",
		`{"limits":[{"currency":7}]}`:                                                                                "limits[0]: currency cannot be a JSON number",
		`{"limits":[{"currency":"EUR"}]}`:                                                                            "limits[0]: percent, at_least and at_most are missing",
		`{"limits":[{"currency":"EUR","percent":-1}]}`:                                                               "limits[0]: percent must be from 0 to",
		`{"limits":[{"currency":"EUR","at_least":-1}]}`:                                                              "limits[0]: at_least must be",
		`{"limits":[{"currency":"EUR","at_most":9007199254740992}]}`:                                                 "limits[0]: at_most must be",
		`{"limits":[{"currency":"EUR","at_least":2,"at_most":1}]}`:                                                   "limits[0]: at_least is more than at_most",
		`{"fees":[{"currency":"EUR","percent":1,"product":"a b"}]}`:                                                  "fees[0]: product must be",
		`{"new_fees":[{"currency":"EUR","amount":1,"on":"deposit"}]}`:                                                "new_fees[0]: on must be one of cash, card, transfer_out",
		`{"new_fees":[{"currency":"EUR","on":"cash"}]}`:                                                              "new_fees[0]: amount and basis_points are missing",
		`{"new_fees":[{"currency":"EUR","on":"cash","amount":-1}]}`:                                                  "new_fees[0]: amount must be",
		`{"new_fees":[{"currency":"EUR","on":"cash","basis_points":10001}]}`:                                         "new_fees[0]: basis_points must be",
		`{"limits":[` + strings.Repeat(`{"currency":"EUR","at_most":1},`, 1000) + `{"currency":"EUR","at_most":1}]}`: "limits has 1001 rules",
		strings.Repeat(" ", MaxRulesBytes+1):                                                                         "the rules have 65537 bytes",
	} {
		if _, err := ParseRules([]byte(rules)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", rules, err, want)
		}
	}
}

func TestAnAmountIsChangedByPercentageAndThenByBounds(t *testing.T) {
	n := func(v int64) *int64 { return &v }
	for _, tt := range []struct {
		rule      ChangeRule
		was, want int64
	}{
		{ChangeRule{Percent: n(150)}, 101, 151},
		{ChangeRule{Percent: n(0)}, 101, 0},
		{ChangeRule{Percent: n(200), AtMost: n(150)}, 100, 150},
		{ChangeRule{Percent: n(50), AtLeast: n(60)}, 100, 60},
		{ChangeRule{AtLeast: n(60)}, 100, 100},
		{ChangeRule{Percent: n(maxPercent)}, money.Max, money.Max},
	} {
		if got := tt.rule.of(tt.was); got != tt.want {
			t.Errorf("%+v of %d: %d, want %d", tt.rule, tt.was, got, tt.want)
		}
	}
}
