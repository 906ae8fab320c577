package check

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"passbook/shared/event"
	"passbook/shared/eventtable"
	"passbook/shared/origin"
)

// compare names the rows that no entry proves, the versions that are missing, and the accounts that
// are behind.
func (p *part) compare(ctx context.Context) error {
	for a, h := range p.accounts {
		last := int64(0)
		for i, r := range h.rows {
			if r.version != last+1 {
				p.find(a, last+1, fmt.Sprintf("the table lacks v%d to v%d", last+1, r.version-1))
			}
			if !r.proven && (i == 0 || h.rows[i-1].proven || h.rows[i-1].entry != r.entry) {
				p.find(a, r.version, fmt.Sprintf("no entry of the bank in the archive has the hash %s", r.entry))
			}
			if r.proven {
				p.report.Events++
			}
			last = r.version
		}
		switch {
		case h.read != "":
			p.find(a, last+1, fmt.Sprintf("the table lacks v%d, though it says that it has read %s", last+1, h.read))
		case h.next > 0:
			p.behind = append(p.behind, Finding{Account: a.String(), Version: last + 1, What: "the archive has more, which is not added yet"})
		}
		if len(h.rows) > 0 {
			p.report.Accounts++
		}
		err := p.prove(ctx, a, h)
		if err != nil {
			return err
		}
	}
	return nil
}

// prove names the entries of an account without a mac that no later one proves.
func (p *part) prove(ctx context.Context, a event.Account, h *history) error {
	verdicts, err := p.Origin.VerifyChain(ctx, a, h.unsigned, h.signed)
	if err != nil {
		return err
	}
	for i, verdict := range verdicts {
		switch {
		case errors.Is(verdict, event.ErrForeign), errors.Is(verdict, origin.ErrUnproven):
			p.find(a, h.unsigned[i].First, verdict.Error())
		case verdict != nil:
			return verdict
		}
	}
	return nil
}

// explain names what differs in the rows that are not what their entries say, and reports all that
// was found of the part.
func (p *part) explain(ctx context.Context) error {
	for _, f := range p.files {
		if len(p.wrong) == 0 {
			break
		}
		err := p.readFile(ctx, f, func(r *eventtable.Row) {
			of := event.Account{Tenant: r.Tenant, ID: r.AccountID}
			if want, is := p.wrong[of][r.Version]; is {
				if what := difference(r, &want); what != "" {
					p.find(of, r.Version, what)
				}
			}
		})
		if err != nil && !errors.Is(err, errDamaged) {
			return err
		}
	}
	for _, f := range inOrder(p.findings) {
		p.report.find(f)
	}
	p.report.Behind = append(p.report.Behind, inOrder(p.behind)...)
	return nil
}

// difference returns which columns of a row are others than they should be, with both values.
func difference(is, want *eventtable.Row) string {
	var all []string
	a, b := reflect.ValueOf(is).Elem(), reflect.ValueOf(want).Elem()
	for i := range a.NumField() {
		if x, y := shown(a.Field(i)), shown(b.Field(i)); x != y {
			name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("parquet"), ",")
			all = append(all, fmt.Sprintf("%s is %s, and %s in the archive", name, x, y))
		}
	}
	return strings.Join(all, "; ")
}

// shown returns a value of a column as text.
func shown(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "null"
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Slice {
		return fmt.Sprintf("%x", v.Bytes())
	}
	return fmt.Sprint(v.Interface())
}
