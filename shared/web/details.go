package web

import (
	"fmt"

	"passbook/shared/account"
)

// Forms of parameters and headers in words, for the details of field errors.
const (
	formWhole   = "a whole number"
	formWait    = "a duration from 0s to 30s in s or ms, such as 500ms or 2s"
	formCursor  = "the next_cursor of the page before, sent with the same query"
	formBoolean = "true or false"
)

// details are the details of field errors without a form. The codes that are not
// among them always have a form.
var details = map[string]string{
	account.FieldRequired:   "It is missing.",
	account.FieldSyntax:     "It is not written as the contract has it.",
	account.FieldOutOfRange: "It is not within the bounds that the contract has for it.",
	account.FieldTooLong:    "It is longer than the contract has it.",
	account.FieldNotOneOf:   "It is not one of the words that the contract lists.",
	account.FieldNotAllowed: "It is not allowed here.",
	account.FieldInThePast:  "It is in the past.",
	FieldUnknown:            "There is no such field or parameter here.",
	FieldDuplicate:          "It is given more than once.",
	FieldWrongType:          "It is not of the type that the contract has.",
	FieldNotAnInteger:       account.Expected(formWhole),
	FieldNotAnObject:        account.Expected("one JSON object"),
	FieldNotUTF8:            account.Expected("text in UTF-8"),
	FieldTrailingData:       "There is text after the end of the object.",
	FieldTooDeep:            fmt.Sprintf("Values are nested more than %d deep.", maxDepth),
	FieldTooManyFields:      fmt.Sprintf("An object has at most %d fields.", maxFields),
	FieldNotTogether:        "It excludes another parameter that is given.",
}

// detailOf returns what is expected of a wrong field, in words.
func detailOf(e FieldError) string {
	if e.Detail != "" {
		return e.Detail
	}
	return details[e.Code]
}

// kindForms are the forms of the kinds of a JSON value.
var kindForms = map[byte]string{kindString: "a string", kindNumber: formWhole, kindBool: formBoolean, kindNested: "a list of strings"}
