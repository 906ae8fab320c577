package accounts

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"passbook/shared/console/view"
	"passbook/shared/money"
	"passbook/shared/web"
)

// values are what a person typed, by field.
type values map[string]string

// faults say what is wrong with fields, by field.
type faults map[string]string

// The forms in which browsers send a date, and an instant to the minute or second.
const (
	minuteForm = "2006-01-02T15:04"
	secondForm = "2006-01-02T15:04:05"
)

// read returns the fields of an operation, with blanks cut off. get returns what was sent under a
// name.
func (o operation) read(get func(name string) string) values {
	v := values{}
	for _, f := range o.Fields {
		if text := strings.TrimSpace(get(f.Name)); text != "" {
			v[f.Name] = text
		}
	}
	v.upperCurrency()
	return v
}

func (v values) upperCurrency() {
	if c := v[currencyField.Name]; c != "" {
		v[currencyField.Name] = strings.ToUpper(c)
	}
}

// with returns the values with another.
func (v values) with(name, value string) values {
	if value == "" {
		return v
	}
	more := maps.Clone(v)
	more[name] = value
	return more
}

// body returns the JSON body of an operation, and what is wrong with fields. The API checks the
// rest.
func (o operation) body(v values) ([]byte, faults) {
	wrong, members := faults{}, 0
	j := web.JSON(nil)
	j.Begin()
	for _, f := range o.Fields {
		if f.Required && v[f.Name] == "" {
			wrong[f.Name] = "This is needed."
		}
		if f.InPath || f.Unsent || v[f.Name] == "" {
			continue
		}
		members++
		if err := f.write(&j, v); err != nil {
			wrong[f.Name] = err.Error()
		}
	}
	j.End()
	if members == 0 {
		return nil, wrong
	}
	return j, wrong
}

// write adds a field that has a value to a body.
func (f field) write(j *web.JSON, v values) error {
	text := v[f.Name]
	switch f.Kind {
	case ofAmount:
		minor, err := parseAmount(text, v[currencyField.Name])
		if err != nil {
			return err
		}
		j.Int(f.Name, minor)
	case ofInstant:
		t, err := time.Parse(minuteForm, text)
		if err != nil {
			t, err = time.Parse(secondForm, strings.TrimSuffix(text, "Z"))
		}
		if err != nil {
			return fault("Write a date and time in UTC: 2026-12-31T18:00.")
		}
		j.String(f.Name, t.Format(time.RFC3339))
	case ofFlag:
		j.Bool(f.Name, f.Sends)
	default:
		j.String(f.Name, text)
	}
	return nil
}

// shown returns the value of a field as the check shows it.
func (f field) shown(v values) string {
	text := v[f.Name]
	switch f.Kind {
	case ofFlag:
		return "yes"
	case ofAmount:
		if minor, err := parseAmount(text, v[currencyField.Name]); err == nil {
			return view.Amount(minor, v[currencyField.Name]) + " " + v[currencyField.Name]
		}
	case ofInstant:
		return strings.Replace(text, "T", " ", 1) + " UTC"
	case ofChoice:
		for _, c := range f.Choices {
			if c.Value == text {
				return c.Text
			}
		}
	}
	return text
}

// fault is what is wrong with a field, as a sentence.
type fault string

func (f fault) Error() string { return string(f) }

// parseAmount returns the minor units of an amount as a person types it: 1250.5 and 1,250.50 of EUR
// are 125050. A comma is taken only between thousands of an amount that has decimals, since 1,250
// is one and a quarter for half of the world.
func parseAmount(text, currency string) (int64, error) {
	exponent, known := money.Exponent(currency)
	if !known {
		return 0, fault("Its currency is not known, so neither are its decimals. Fill in the currency.")
	}
	if text == "" || text[0] == '.' {
		return 0, fault("Write digits, and decimals after a point: 1250.00.")
	}
	digits, fraction, hasPoint := strings.Cut(text, ".")
	if strings.Contains(digits, ",") {
		if !hasPoint && exponent > 0 {
			return 0, fault("Write decimals after a point, and no comma: 1250.00.")
		}
		for i, group := range strings.Split(digits, ",") {
			if i > 0 && len(group) != 3 || group == "" || len(group) > 3 {
				return 0, fault("Write decimals after a point, and no comma: 1250.00.")
			}
		}
		digits = strings.ReplaceAll(digits, ",", "")
	}
	if len(fraction) > exponent || hasPoint && fraction == "" {
		return 0, fault(fmt.Sprintf("%s has %d decimals.", currency, exponent))
	}
	digits += fraction + strings.Repeat("0", exponent-len(fraction))
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, fault("Write digits, and decimals after a point: 1250.00.")
		}
	}
	minor, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || minor > money.Max {
		return 0, fault("The amount is not a number, or greater than the bank can count.")
	}
	return minor, nil
}
