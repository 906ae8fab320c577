package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"passbook/shared/account"
	"passbook/shared/client"
	"passbook/shared/money"
)

// The operations of lines.
const (
	opOpen     = "open"
	opOpening  = "opening"
	opCredit   = "credit"
	opWithdraw = "withdraw"
	opLimit    = "limit"
)

// ops are the operations with the columns that each may have, besides those of every line.
var ops = map[string][]string{
	opOpen:     {"currency", "holder_ref", "product", "limit", "limit_minor"},
	opOpening:  {"amount", "amount_minor", "currency", "reference", "contra", "effective_at"},
	opCredit:   {"amount", "amount_minor", "currency", "kind", "reference", "contra", "effective_at"},
	opWithdraw: {"amount", "amount_minor", "currency", "kind", "reference", "contra", "effective_at"},
	opLimit:    {"limit", "limit_minor", "currency", "reason", "decided_by", "decision_ref", "expires_at"},
}

var (
	// columnNames are the columns of a file.
	columnNames = []string{
		"id", "op", "account", "amount", "amount_minor", "currency", "kind", "reference", "contra", "effective_at", "balance", "balance_minor",
		"holder_ref", "product", "limit", "limit_minor", "reason", "decided_by", "decision_ref", "expires_at",
	}
	// everyLine are the columns that a line of any operation may have.
	everyLine = []string{"id", "op", "account", "balance", "balance_minor"}
	// passedOver are the columns of statements in CSV that say nothing to an import.
	passedOver = []string{"recorded_at", "version", "event_id", "transaction_id", "type", "hold_id", "original_transaction_id"}
)

// record is a line that is well-formed.
type record struct {
	line     int
	op       string
	account  string
	currency string
	command  client.BulkCommand
	// nothing says that the line needs no command.
	nothing bool
	// balance is that of the file after the line, if it has one.
	balance *int64
}

// parser makes commands of lines.
type parser struct {
	// name is that of the import; account and currency stand for those that lines lack.
	name, account, currency string
	// seen counts the lines of each content, of which only a hash is kept.
	seen map[[16]byte]int
	// opened are the currencies of accounts that the file opens.
	opened map[string]string
}

// newParser makes a parser for one reading of a file.
func (c *Command) newParser(name string) *parser {
	return &parser{name: name, account: c.Account, currency: c.Currency, seen: map[[16]byte]int{}, opened: map[string]string{}}
}

// parse makes the command of a line, or says what is wrong with it.
func (p *parser) parse(r row) (record, []Fault) {
	if len(r.faults) > 0 {
		return record{line: r.line}, r.faults
	}
	l := line{row: r}
	out := record{line: r.line}
	out.account = l.text("account", p.account)
	if out.account == "" {
		l.fail("account", "it is missing", "name the account in the column account, or for all lines with --account")
	} else if !account.ValidAccountID(out.account) {
		l.fail("account", "it is not the id of an account", "write "+account.FormID)
	}
	out.op = p.op(&l)
	out.currency = l.text("currency", p.opened[out.account])
	if out.currency == "" {
		out.currency = p.currency
	}
	if _, ok := money.Exponent(out.currency); !ok && out.op != "" {
		if out.currency == "" {
			l.fail("currency", "it is missing", "name it in the column currency, or for all lines with --currency")
		} else {
			l.fail("currency", fmt.Sprintf("%q is not a currency in use", out.currency), "write its three capital letters, as EUR")
		}
		return out, l.faults
	}
	out.balance = l.amount("balance", out.currency)
	p.command(&l, &out)
	if len(l.faults) > 0 {
		return out, l.faults
	}
	if out.op == opOpen {
		p.opened[out.account] = out.currency
	}
	out.command.Key = p.key(&l, out)
	return out, l.faults
}

// op returns the operation of a line: what it names, else by the sign of its amount.
func (p *parser) op(l *line) string {
	op := l.cells["op"]
	if op == "" {
		op = opCredit
		if text := l.text("amount", l.cells["amount_minor"]); strings.HasPrefix(text, "-") {
			op = opWithdraw
		}
	}
	used, ok := ops[op]
	if !ok {
		l.fail("op", fmt.Sprintf("%q is no operation", op), "write "+strings.Join(slices.Sorted(maps.Keys(ops)), ", ")+", or leave it out: the sign of amount says which")
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(l.cells)) {
		if !slices.Contains(used, name) && !slices.Contains(everyLine, name) {
			l.fail(name, "it is not used by "+op, "leave it empty on this line")
		}
	}
	return op
}

// command makes the command of a line.
func (p *parser) command(l *line, out *record) {
	switch out.op {
	case opOpen:
		limit := l.amount("limit", out.currency)
		if limit == nil {
			limit = new(int64)
		}
		out.command = client.BulkOpen(client.Open{AccountID: out.account, Currency: out.currency, HolderRef: l.cells["holder_ref"], Product: l.cells["product"], CreditLimit: *limit})
	case opLimit:
		limit := l.amount("limit", out.currency)
		if limit == nil {
			l.missing("limit")
			return
		}
		l.limit(out, *limit)
	case opOpening, opCredit, opWithdraw:
		amount := l.amount("amount", out.currency)
		if amount == nil {
			l.missing("amount")
			return
		}
		l.move(out, *amount)
	}
}

// line is a line while it is parsed.
type line struct {
	row
	faults []Fault
}

func (l *line) fail(field, fault, remedy string) {
	l.faults = append(l.faults, Fault{l.line, field, fault, remedy})
}

// missing adds the fault of a line that lacks an amount, unless it has one that is wrong.
func (l *line) missing(name string) {
	if !slices.ContainsFunc(l.faults, func(f Fault) bool { return strings.HasPrefix(f.Field, name) }) {
		l.fail(name, "it is missing", "write it with the decimals of the currency, as 25.00, or in minor units in "+name+"_minor")
	}
}

// text returns a cell, or otherwise.
func (l *line) text(name, otherwise string) string {
	if text := l.cells[name]; text != "" {
		return text
	}
	return otherwise
}

// amount returns the amount in a column, or in that of its minor units, nil where there is none.
func (l *line) amount(name, currency string) *int64 {
	var found *int64
	if text := l.cells[name]; text != "" {
		v, err := money.ParseDecimal(text, currency)
		if err != nil {
			l.fail(name, err.Error(), "write it as 25.00, with a point and at most the decimals of the currency")
			return nil
		}
		found = &v
	}
	if text := l.cells[name+"_minor"]; text != "" {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !money.Balance(v) {
			l.fail(name+"_minor", "it is not a whole number of minor units", "write 2500 for 25.00 EUR")
			return nil
		}
		if found != nil && *found != v {
			l.fail(name+"_minor", "it is another amount than "+name, "leave one of them out")
			return nil
		}
		found = &v
	}
	return found
}

// limit makes the command that sets a limit.
func (l *line) limit(out *record, limit int64) {
	body := client.SetLimit{Limit: limit, Reason: l.cells["reason"], DecidedBy: l.cells["decided_by"], DecisionRef: l.cells["decision_ref"]}
	if text := l.cells["expires_at"]; text != "" {
		at, ok := account.ParseTime(text)
		if !ok {
			l.fail("expires_at", "it is not an instant", "write "+account.FormTime)
			return
		}
		body.ExpiresAt = at
	}
	out.command = client.BulkSetLimit(out.account, body)
}

// move makes the command of a movement.
func (l *line) move(out *record, amount int64) {
	reference := l.cells["reference"]
	credit, kind := amount > 0, l.cells["kind"]
	switch {
	case out.op == opOpening && amount == 0:
		out.nothing = true
		return
	case out.op == opOpening:
		if reference == "" {
			reference = "opening balance"
		}
		if credit {
			kind = string(client.CreditKindAdjustment)
		}
	case amount == 0:
		l.fail("amount", "it is 0", "leave the line out")
		return
	case l.cells["op"] != "" && amount < 0:
		l.fail("amount", "it is negative", "write it without a sign: the operation says whether money comes in; or leave op out")
		return
	default:
		credit = out.op == opCredit
	}
	if amount < 0 {
		amount = -amount
	}
	if credit {
		out.command = client.BulkCredit(out.account, client.Credit{
			Amount: amount, Currency: out.currency, Kind: client.CreditKind(kind), Reference: reference, Contra: l.cells["contra"], EffectiveAt: l.cells["effective_at"],
		})
		return
	}
	out.command = client.BulkWithdraw(out.account, client.Withdraw{
		Amount: amount, Currency: out.currency, Kind: client.WithdrawKind(kind), Reference: reference, Contra: l.cells["contra"], EffectiveAt: l.cells["effective_at"],
	})
}

// key returns the Idempotency-Key of a line. It follows from the name of the import and the line's
// id; without one from all that the line says, and from how many lines before it say the same. So
// lines may be added and moved, and a line that was corrected is another one. What is written in
// another way but says the same, such as 25 for 25.00, is the same: programs change that when they
// save a file.
func (p *parser) key(l *line, out record) string {
	hash := sha256.New()
	said := func(name, value string) { fmt.Fprintf(hash, "%s=%d:%s\n", name, len(value), value) }
	said("import", p.name)
	id := l.cells["id"]
	if id != "" {
		said("id", id)
	} else {
		said("account", out.account)
		said("currency", out.currency)
		said("op", out.op)
		for _, name := range []string{"amount", "limit"} {
			if v := l.amount(name, out.currency); v != nil {
				if out.op == opWithdraw && *v < 0 { // its sign said what op says
					*v = -*v
				}
				said(name, strconv.FormatInt(*v, 10))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(l.cells)) {
			switch name {
			case "account", "currency", "op", "amount", "amount_minor", "limit", "limit_minor": // said above
			case "balance", "balance_minor": // a check, which books nothing
			default:
				said(name, l.cells[name])
			}
		}
	}
	sum := [16]byte(hash.Sum(nil))
	p.seen[sum]++
	if count := p.seen[sum]; count > 1 {
		if id != "" {
			l.fail("id", fmt.Sprintf("%q is the id of an earlier line too", id), "give each line another id, or leave the column out")
		}
		hash.Reset()
		fmt.Fprintf(hash, "%x %d", sum, count)
		sum = [16]byte(hash.Sum(nil))
	}
	return keyPrefix + hex.EncodeToString(sum[:])
}

// keyPrefix begins the keys of imports.
const keyPrefix = "import-"
