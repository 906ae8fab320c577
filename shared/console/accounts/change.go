package accounts

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"passbook/shared/access"
	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

// shownField is a field with what it has.
type shownField struct {
	field
	Value, Fault string
	// Shown is the value for people.
	Shown string
	// Fixed says that the address has it.
	Fixed bool
}

// changePage is a form, or its check.
type changePage struct {
	Operation operation
	// Account is the account as it is now; nil if the form asks for one, or it may not be read.
	Account *account
	Fields  []shownField
	// Token is the page's, Key the idempotency key of the form, Action where it is sent.
	Token, Key, Action string
	Up                 []view.Link
	Back               string
	// Wrong counts the fields that are wrong; Problem is what the API refused with; Unknown says
	// that a command was sent and nobody knows what became of it.
	Wrong   int
	Problem *client.Problem
	Unknown bool
	// Of the check: the request, its curl, what would happen, and the word to type.
	Request, Body, Curl string
	Rehearsal           *rehearsal
	Word, WordFault     string
	Declined            string
}

// MaySend reports whether sending can do anything: not again after a refusal that is the key's
// answer.
func (c changePage) MaySend() bool { return c.Problem == nil || c.Unknown || c.Problem.Retryable() }

// OpensAccount reports whether the change makes an account, whose currency is a choice.
func (c changePage) OpensAccount() bool { return c.Operation.Name == "open" }

// Refused reports whether the dry run was, or the command itself.
func (c changePage) Refused() bool {
	return c.Problem != nil || c.Rehearsal != nil && c.Rehearsal.Problem != nil
}

// start returns what the form and the check of a change have in common.
func (p *Pages) start(r *view.Request, o operation, v values, key string) (changePage, error) {
	page := changePage{Operation: o, Token: r.FormToken, Key: key, Action: r.Request().URL.Path, Back: listPath, Up: []view.Link{{Text: section, Href: listPath}}}
	id := v[o.of()]
	if id != "" && o.Name != "open" && r.May(access.AccountsRead) {
		var a account
		var refusal *client.Problem
		switch _, err := r.API.Get(r.Ctx(), apiPath(id), &a); {
		case err == nil:
			page.Account = &a
			if v[currencyField.Name] == "" {
				v[currencyField.Name] = a.Currency
			}
		case !errors.As(err, &refusal) || refusal.Status >= http.StatusInternalServerError:
			return page, err
		}
	}
	if named := r.Param("account_id"); named != "" {
		page.Back = accountPath(named)
		page.Up = append(page.Up, view.Link{Text: named, Href: page.Back})
	}
	return page, nil
}

// fields returns an operation's fields for a person, with values and faults.
func (o operation) fields(r *view.Request, v values, wrong faults, currency bool) (all []shownField) {
	for _, f := range o.Fields {
		fixed := f.Name == o.of() && r.Param("account_id") != ""
		if !r.May(f.Needs) || f.Kind == ofCurrency && f.Name != "" && !f.Required && currency && wrong[f.Name] == "" {
			continue
		}
		all = append(all, shownField{field: f, Value: v[f.Name], Fault: wrong[f.Name], Fixed: fixed})
	}
	return all
}

// valuesOf returns what was sent, with the account of the address.
func (o operation) valuesOf(r *view.Request, get func(string) string) values {
	v := o.read(get)
	for _, f := range o.Fields {
		if !r.May(f.Needs) {
			delete(v, f.Name)
		}
	}
	return v.with(o.of(), r.Param("account_id"))
}

// form shows an empty form, or one with values from the address.
func (p *Pages) form(r *view.Request, o operation) (view.Page, error) {
	return p.showForm(r, o, o.valuesOf(r, r.QueryParam), faults{}, newKey())
}

// showForm shows a form with values.
func (p *Pages) showForm(r *view.Request, o operation, v values, wrong faults, key string) (view.Page, error) {
	data, err := p.start(r, o, v, key)
	if err != nil {
		return view.Page{Title: o.Title, Section: section}, err
	}
	data.Fields, data.Wrong = o.fields(r, v, wrong, data.Account != nil), len(wrong)
	page := view.Page{Title: o.Title, Section: section, Templates: templates, Name: "change", Data: data}
	if len(wrong) > 0 {
		page.Status = http.StatusUnprocessableEntity
	}
	return page, nil
}

// decide takes a form: back to its fields, to its check, or to the bank.
func (p *Pages) decide(r *view.Request, o operation) (view.Page, error) {
	v := o.valuesOf(r, r.Request().PostForm.Get)
	key := r.Request().PostForm.Get("key")
	if _, err := uuid.Parse(key); err != nil {
		key = newKey() // no page of ours has another
	}
	data, err := p.start(r, o, v, key)
	if err != nil {
		return view.Page{Title: o.Title, Section: section}, err
	}
	body, wrong := o.body(v)
	if step := r.Request().PostForm.Get("step"); len(wrong) > 0 || step == "form" {
		return p.showForm(r, o, v, wrong, key)
	} else if step == "send" {
		return p.send(r, o, v, body, data)
	}
	return p.check(r, o, v, body, data)
}

// check shows what a form will send, and what its dry run answers.
func (p *Pages) check(r *view.Request, o operation, v values, body []byte, data changePage) (view.Page, error) {
	path := o.Path(v)
	answer, err := r.API.Do(r.Ctx(), o.Method, path+"?dry_run=true", keyed(data.Key), body)
	var refusal *client.Problem
	switch {
	case errors.As(err, &refusal) && len(refusal.Errors) > 0:
		return p.showForm(r, o, v, o.faultsOf(refusal), data.Key)
	case err != nil:
		data.Problem = p.kit.Failed(r.Ctx(), err)
	default:
		if data.Rehearsal, err = rehearsalOf(answer); err != nil {
			return view.Page{Title: o.Title, Section: section}, err
		}
		if refused := data.Rehearsal.Problem; refused != nil && len(refused.Errors) > 0 {
			return p.showForm(r, o, v, o.faultsOf(refused), data.Key)
		}
	}
	return p.showCheck(r, o, v, body, data, http.StatusOK), nil
}

// showCheck returns the page of a check.
func (p *Pages) showCheck(r *view.Request, o operation, v values, body []byte, data changePage, status int) view.Page {
	for _, f := range o.Fields {
		if v[f.Name] != "" || f.Kind == ofChoice && len(f.Choices) > 0 && f.Choices[0].Value == "" {
			data.Fields = append(data.Fields, shownField{field: f, Value: v[f.Name], Shown: f.shown(v)})
		}
	}
	data.Word = o.word(v)
	data.describe(r, o.Method, o.Path(v), body)
	return view.Page{Title: "Check: " + o.Title, Section: section, Templates: templates, Name: "check", Data: data, Status: status}
}

// send sends a change to the bank, and leads to its event.
func (p *Pages) send(r *view.Request, o operation, v values, body []byte, data changePage) (view.Page, error) {
	if word := o.word(v); word != "" && r.Request().PostForm.Get("word") != word {
		data.WordFault = "Nothing was sent. Type " + word + " to send it."
		return p.showCheck(r, o, v, body, data, http.StatusUnprocessableEntity), nil
	}
	answer, err := r.API.Do(r.Ctx(), o.Method, o.Path(v), keyed(data.Key), body)
	if err != nil {
		var refusal *client.Problem
		data.Unknown = !errors.As(err, &refusal)
		data.Problem = p.kit.Failed(r.Ctx(), err)
		if data.Declined = declined(v[o.of()], data.Problem); data.Declined != "" {
			data.Back = data.Declined
		}
		if !data.MaySend() {
			data.Key = newKey() // the old one has its answer; a changed form is another command
		}
		return p.showCheck(r, o, v, body, data, data.Problem.Status), nil
	}
	var done struct {
		AccountID string `json:"account_id"`
		Version   int64  `json:"version"`
	}
	if err := json.Unmarshal(answer.Body, &done); err != nil || done.AccountID == "" {
		done.AccountID = v[o.of()] // it was done; the account's page shows it
	}
	if o.Name == "open" || done.Version == 0 {
		return view.Page{Redirect: accountPath(done.AccountID)}, nil
	}
	return view.Page{Redirect: eventPath(done.AccountID, done.Version)}, nil
}

// faultsOf returns what the API found wrong with fields. What is about no field of the form is
// about the first.
func (o operation) faultsOf(p *client.Problem) faults {
	wrong := faults{}
	for _, f := range o.Fields {
		if text := p.Field(f.Name); text != "" {
			wrong[f.Name] = text
		}
	}
	if len(wrong) == 0 {
		wrong[o.Fields[0].Name] = p.Detail
		for _, e := range p.Errors {
			wrong[o.Fields[0].Name] += " " + e.Pointer + ": " + e.Detail
		}
	}
	return wrong
}

// newKey returns an idempotency key.
func newKey() string { return uuid.Must(uuid.NewV7()).String() }

// keyed returns the header with an idempotency key.
func keyed(key string) http.Header { return http.Header{"Idempotency-Key": {key}} }
