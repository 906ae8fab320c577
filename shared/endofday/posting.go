package endofday

import "passbook/shared/event"

// The kinds of other sides that no event names.
const (
	kindTransfer = "transfer"
	kindReversal = "reversal"
)

// posting is what an event moves.
type posting struct {
	// kind is the event's, amount its amount and delta its effect on the balance.
	kind          string
	amount, delta int64
	other         other
}

// postingOf returns what an event of an entry moves.
func postingOf(e *event.Entry, ev event.Event) (p posting) {
	p.other = other{tenant: e.Tenant, currency: e.Currency}
	p.amount = ev.Amount()
	switch b := ev.Body.(type) {
	case event.MoneyCredited:
		p.kind, p.delta = b.Kind, b.Amount
		p.other.name(b.Kind, b.Contra)
	case event.MoneyWithdrawn:
		p.kind, p.delta = b.Kind, -b.Amount
		p.other.name(b.Kind, b.Contra)
	case event.WithdrawalDeclined:
		p.kind, p.amount = b.Op, b.Amount
	case event.TransactionReversed:
		p.kind, p.delta, p.other.kind = b.Direction, b.Amount, kindReversal
		if b.Direction == event.DirectionDebit {
			p.delta = -b.Amount
		}
	}
	return p
}

// name names the other side of a credit or a withdrawal. That of a transfer is another account, so
// its two legs meet in one place: what is left there is of a transfer of which one leg is missing.
func (o *other) name(kind, contra string) {
	switch {
	case kind == event.KindTransferIn || kind == event.KindTransferOut:
		o.kind = kindTransfer
	case contra != "":
		o.contra = contra
	default:
		o.kind = kind
	}
}
