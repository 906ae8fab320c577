package api

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"passbook/shared/access"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/shared/web"
)

// Shaped is a command that can check its own shape: all that can be said without the account's
// state. A field is named as its json tag names it.
type Shaped interface {
	Validate() []account.FieldError
}

// Rules is a command with the rules that decide it.
type Rules interface {
	Shaped
	Decide(s account.State, now time.Time) account.Decision
}

// accounts is a command on two accounts: it belongs to the first. One that is not belongs to the
// account of the field account_id.
type accounts interface {
	Accounts() (belongs, also string)
}

// needy is a command that needs further scopes for what is in it, such as force.
type needy interface {
	Needs() access.Scopes
}

// Executor commits commands; *journal.Journal is one.
type Executor interface {
	Execute(ctx context.Context, c journal.Command) (journal.Receipt, error)
	Submit(p *journal.Pending) error
	GiveUp(p *journal.Pending) error
}

// Decided makes the Operation of a command that needs nothing but its account's state, once
// complete, if it is not nil, has completed it. See Command for its fields.
func Decided[C Rules](service, op string, scopes access.Scopes, status int, routes []string, j Executor, complete func(*C)) Operation {
	return operation(service, op, scopes, status, routes, func(call *Call, c *C) {
		if complete != nil {
			complete(c)
		}
		call.Journal = j
		call.Decide = func(s account.State, now time.Time) account.Decision { return (*c).Decide(s, now) }
	})
}

// Command makes the Operation of a command that carryOut carries out. Its fields are the members of
// C that have a json tag: in their order, which is that of the canonical form and never changes. A
// field with omitempty, omitzero or a pointer is optional. The account is the field account_id, or
// the one that the command's own Accounts names; where account_id is a field of C and is absent,
// the id is made from the key, so that a repeated command gets the same account. It panics when C
// has a field of a type that no command has.
func Command[C Shaped](service, op string, scopes access.Scopes, status int, routes []string, carryOut func(context.Context, journal.Command, C) (journal.Receipt, error)) Operation {
	return operation(service, op, scopes, status, routes, func(call *Call, c *C) {
		call.Run = func(ctx context.Context, to journal.Command) (journal.Receipt, error) { return carryOut(ctx, to, *c) }
	})
}

// operation makes an Operation whose command is carried out as carry says in its Call.
func operation[C Shaped](service, op string, scopes access.Scopes, status int, routes []string, carry func(*Call, *C)) Operation {
	fields := fieldsOf(reflect.TypeFor[C]())
	_, pair := any(new(C)).(accounts)
	return Operation{Service: service, Op: op, Scopes: scopes, Status: status, Routes: routes, Decode: func(f *web.Fields) Call {
		var call Call
		c := new(C)
		into := reflect.ValueOf(c).Elem()
		if !pair && !fields.ownAccount() {
			call.AccountID = f.AccountID(fieldAccount, web.Required)
		}
		for _, field := range fields {
			field.take(f, field.name, field.need, into.Field(field.index))
		}
		f.Check((*c).Validate())
		switch {
		case pair:
			call.AccountID, call.Also = any(c).(accounts).Accounts()
		case fields.ownAccount():
			if call.AccountID = into.Field(fields[0].index).String(); call.AccountID == "" {
				call.AccountID = account.MakeID(f.Tenant, f.Key)
			}
		}
		if c, ok := any(c).(needy); ok {
			call.Needs = c.Needs()
		}
		carry(&call, c)
		return call
	}}
}

// fieldAccount is the field that names a command's account.
const fieldAccount = "account_id"

// commandField is a field of a command: its name, where it is in the struct, and what takes it.
type commandField struct {
	name  string
	need  web.Need
	index int
	take  func(f *web.Fields, name string, need web.Need, into reflect.Value)
}

// commandFields are a command's fields in the order of its struct.
type commandFields []commandField

// ownAccount reports whether the account is a field of the command itself, its first.
func (fs commandFields) ownAccount() bool { return len(fs) > 0 && fs[0].name == fieldAccount }

// fieldsOf reads the fields of a command's type from its json tags.
func fieldsOf(command reflect.Type) (fields commandFields) {
	for i := range command.NumField() {
		member := command.Field(i)
		name, options, _ := strings.Cut(member.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		take := takers[member.Type]
		switch {
		case name == "" || take == nil:
			panic(fmt.Sprintf("api: field %s of %s has no json tag, or no type of a command's field", member.Name, command))
		case name == fieldAccount:
			take = takeAccount
		}
		fields = append(fields, commandField{name: name, need: web.Need(options == ""), index: i, take: take})
	}
	return fields
}

// takers take a field of each type that a command's field may have.
var takers = map[reflect.Type]func(f *web.Fields, name string, need web.Need, into reflect.Value){
	reflect.TypeFor[string](): func(f *web.Fields, name string, need web.Need, into reflect.Value) {
		into.SetString(f.String(name, need))
	},
	reflect.TypeFor[event.Text](): func(f *web.Fields, name string, need web.Need, into reflect.Value) {
		into.Addr().Interface().(*event.Text).Plain = f.String(name, need)
	},
	reflect.TypeFor[int64](): func(f *web.Fields, name string, need web.Need, into reflect.Value) {
		into.SetInt(f.Int(name, need))
	},
	reflect.TypeFor[*int64](): func(f *web.Fields, name string, _ web.Need, into reflect.Value) {
		*into.Addr().Interface().(**int64) = f.OptInt(name)
	},
	reflect.TypeFor[bool](): func(f *web.Fields, name string, _ web.Need, into reflect.Value) {
		into.SetBool(f.Bool(name))
	},
	reflect.TypeFor[*bool](): func(f *web.Fields, name string, _ web.Need, into reflect.Value) {
		*into.Addr().Interface().(**bool) = f.OptBool(name)
	},
}

// takeAccount takes the account's id, which is not a part of the canonical form.
func takeAccount(f *web.Fields, name string, need web.Need, into reflect.Value) {
	into.SetString(f.AccountID(name, need))
}
