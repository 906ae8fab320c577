// Package accounts has the console's list of accounts, and the two pages of every change: a form,
// and the check of what it will send.
//
// It promises that nothing is sent before the request, its curl and the answer of its dry run were
// shown; that a form has one idempotency key, so that a double click or a repeated page pays once;
// and that a refusal is shown as the API gave it. Amounts are typed as people write them and become
// minor units without a float.
//
// Walk: Routes -> Pages.list; for a change Pages.form -> Pages.decide -> Pages.check ->
// Pages.send. Next on the walk: account.
package accounts
