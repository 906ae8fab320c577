package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"passbook/shared/client"
)

// The hours of the day.
const (
	opening   = 6 * time.Hour
	payday    = 7*time.Hour + 30*time.Minute
	rentDue   = 9 * time.Hour
	shopsOpen = 10 * time.Hour
	shopsShut = 19 * time.Hour
	closing   = 22 * time.Hour
)

var (
	firstNames = []string{"Anna", "Ben", "Chloe", "David", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kofi", "Lena", "Mateo", "Nora", "Omar", "Petra"}
	lastNames  = []string{"Arends", "Brandt", "Costa", "Dahl", "Ekwueme", "Fischer", "Gruber", "Haddad", "Ivanov", "Jansen", "Kaya", "Lindqvist", "Moreau"}
	shops      = []string{"Corner Bakery", "Greengrocer", "Bookshop", "Chemist", "Hardware Store", "Coffee Bar", "Shoe Repair", "Petrol Station"}
)

// plan fills the day's diary. Every random choice is made here and in order, so that it depends on
// the seed only.
func (d *day) plan() {
	run := fmt.Sprintf("demo-%d-%d", d.Seed, d.Accounts)
	d.employer = &account{id: run + "-employer", name: "Brightwater Mill"}
	d.landlord = &account{id: run + "-landlord", name: "Harbour Homes"}
	d.planOpening(d.employer, 0, 0)
	d.planOpening(d.landlord, 1, 0)
	for i := range d.Accounts {
		name := firstNames[i%len(firstNames)] + " " + lastNames[(i+i/len(firstNames))%len(lastNames)]
		a := &account{id: fmt.Sprintf("%s-%d", run, i+1), name: name}
		d.customers = append(d.customers, a)
		d.planOpening(a, i+2, []int64{0, 0, 500_00, 1000_00}[d.rng.IntN(4)])
	}
	d.planPayday()
	for i, a := range d.customers {
		d.planCustomer(a, i > 2 && d.rng.IntN(5) == 0)
	}
	d.planSofa(d.customers[0])
	d.planDoubledWithdrawal(d.customers[1])
	d.planLostSignal(d.customers[2])
	d.planLostCard(d.customers[len(d.customers)-1])
}

// between picks an amount from..to, both in whole units of grain.
func (d *day) between(from, to, grain int64) int64 {
	return from + d.rng.Int64N((to-from)/grain+1)*grain
}

// during picks a time.
func (d *day) during(from, to time.Duration) time.Duration {
	return from + time.Duration(d.rng.Int64N(int64((to-from)/time.Minute)))*time.Minute
}

func (d *day) planOpening(a *account, place int, limit int64) {
	when := opening + time.Duration(place)*time.Hour/time.Duration(d.Accounts+2)
	d.at(when, func(ctx context.Context, at time.Duration) error {
		if err := d.open(ctx, a, fmt.Sprintf("holder-%d", place+1), limit); err != nil {
			return err
		}
		if limit > 0 {
			d.tellPart(at, "openings", "%s opens an account with a credit line of %s", a.name, amount(limit))
			return nil
		}
		d.tellPart(at, "openings", "%s opens an account", a.name)
		return nil
	})
}

// planPayday brings money into the bank, pays salaries and takes rents.
func (d *day) planPayday() {
	total := int64(d.Accounts) * 3200_00
	d.at(payday-10*time.Minute, func(ctx context.Context, at time.Duration) error {
		if err := d.deposit(ctx, d.employer, total, "customers' payments"); err != nil {
			return err
		}
		d.tell(at, "%s receives %s from its customers", d.employer.name, amount(total))
		return nil
	})
	for i, a := range d.customers {
		step := time.Duration(i) * time.Hour / time.Duration(d.Accounts)
		salary, rent := d.between(1800_00, 3200_00, 50_00), d.between(700_00, 1100_00, 10_00)
		d.planTransfer(payday+step, d.employer, a, salary, "salary", "salaries")
		d.planTransfer(rentDue+step, a, d.landlord, rent, "rent", "rents")
	}
}

func (d *day) planTransfer(when time.Duration, from, to *account, sum int64, reference, part string) {
	d.at(when, func(ctx context.Context, at time.Duration) error {
		declined, err := d.transfer(ctx, from, to, sum, reference)
		if err != nil {
			return err
		}
		if declined != nil {
			d.tellDecline(at, from, reference, sum, declined)
			return nil
		}
		d.tellPart(at, part, "%s pays %s to %s (%s)", from.name, amount(sum), to.name, reference)
		return nil
	})
}

// planCustomer plans what every customer does: cards, cash, and sometimes a transfer to a friend or
// too large a payment.
func (d *day) planCustomer(a *account, dreams bool) {
	for range 2 + d.rng.IntN(3) {
		d.planCard(a)
	}
	for range d.rng.IntN(3) {
		d.planCash(a, d.during(shopsOpen, shopsShut), d.between(20_00, 200_00, 10_00), client.WithdrawKindCash, "cash machine", "cash withdrawals")
	}
	if friend := d.customers[d.rng.IntN(len(d.customers))]; friend != a && d.rng.IntN(3) == 0 {
		d.planTransfer(d.during(shopsShut, closing-time.Hour), a, friend, d.between(5_00, 60_00, 50), "shared dinner", "transfers between friends")
	}
	if dreams {
		d.planCash(a, d.during(shopsOpen, shopsShut), d.between(5000_00, 9000_00, 100_00), client.WithdrawKindCard, "a used car", "large purchases")
	}
}

func (d *day) planCash(a *account, when time.Duration, sum int64, kind client.WithdrawKind, reference, part string) {
	d.at(when, func(ctx context.Context, at time.Duration) error {
		_, declined, err := d.withdraw(ctx, a, sum, kind, reference)
		if err != nil {
			return err
		}
		if declined != nil {
			d.tellDecline(at, a, reference, sum, declined)
			return nil
		}
		d.tellPart(at, part, "%s withdraws %s (%s)", a.name, amount(sum), reference)
		return nil
	})
}

// planCard plans a hold at the till and its capture later. Some shops capture less than they held,
// some nothing, and some not before the next day.
func (d *day) planCard(a *account) {
	shop, sum := shops[d.rng.IntN(len(shops))], d.between(4_50, 120_00, 5)
	when := d.during(shopsOpen, shopsShut)
	later := when + time.Duration(10+d.rng.IntN(110))*time.Minute
	taken := sum
	switch d.rng.IntN(10) {
	case 0:
		taken = 0
	case 1:
		later = 0
	case 2, 3:
		taken = sum / 2
	}
	d.at(when, func(ctx context.Context, at time.Duration) error {
		hold, declined, err := d.hold(ctx, a, sum, shop)
		if err != nil {
			return err
		}
		if declined != nil {
			d.tellDecline(at, a, "card at the "+shop, sum, declined)
			return nil
		}
		d.tellPart(at, "card payments", "%s pays by card at the %s: %s held", a.name, shop, amount(sum))
		if later > 0 {
			d.at(later, func(ctx context.Context, at time.Duration) error {
				return d.settle(ctx, at, a, shop, hold, sum, taken)
			})
		}
		return nil
	})
}

// settle ends a hold.
func (d *day) settle(ctx context.Context, at time.Duration, a *account, shop, hold string, held, taken int64) error {
	if taken == 0 {
		d.tellPart(at, "released holds", "the %s releases the %s it held for %s", shop, amount(held), a.name)
		return d.release(ctx, a, hold, held)
	}
	d.tellPart(at, "captures", "the %s captures %s of the %s it held for %s", shop, amount(taken), amount(held), a.name)
	return d.capture(ctx, a, hold, held, taken)
}

// planSofa plans a payment that is declined, and accepted once the limit is raised.
func (d *day) planSofa(a *account) {
	const sofa = 6400_00
	d.planCash(a, 14*time.Hour, sofa, client.WithdrawKindCard, "a sofa", "large purchases")
	d.at(14*time.Hour+30*time.Minute, func(ctx context.Context, at time.Duration) error {
		const raised = 7500_00
		d.tell(at, "the bank raises the credit line of %s from %s to %s", a.name, amount(a.limit), amount(raised))
		return d.setLimit(ctx, a, raised, "income reviewed")
	})
	d.planCash(a, 15*time.Hour, sofa, client.WithdrawKindCard, "the sofa, once more", "large purchases")
}

// planDoubledWithdrawal plans a withdrawal that is booked twice, and reversed once.
func (d *day) planDoubledWithdrawal(a *account) {
	d.at(15*time.Hour+30*time.Minute, func(ctx context.Context, at time.Duration) error {
		const sum = 60_00
		if _, _, err := d.withdraw(ctx, a, sum, client.WithdrawKindCash, "cash machine"); err != nil {
			return err
		}
		second, declined, err := d.withdraw(ctx, a, sum, client.WithdrawKindCash, "cash machine")
		if declined != nil {
			d.tellDecline(at, a, "cash machine", sum, declined)
		}
		if err != nil || declined != nil {
			return err
		}
		d.tell(at, "a cash machine books %s twice on %s", amount(sum), a.name)
		d.at(at+45*time.Minute, func(ctx context.Context, at time.Duration) error {
			if err := d.reverse(ctx, a, second, sum, "duplicate"); err != nil {
				return err
			}
			d.tell(at, "the bank reverses the second one (%s)", second)
			_, err := d.send(a, func(key client.Option) (*client.Result, error) {
				return d.client.ReverseWithdrawal(ctx, a.id, second, client.ReverseWithdrawal{Reason: "duplicate"}, key)
			})
			return d.refusal(at, a, err, client.CodeAlreadyReversed, "the clerk tries to reverse it again")
		})
		return nil
	})
}

// planLostSignal plans a client that does not receive the answer and sends the command three times.
func (d *day) planLostSignal(a *account) {
	d.at(12*time.Hour+5*time.Minute, func(ctx context.Context, at time.Duration) error {
		const sum = 20_00
		transaction, declined, err := d.withdraw(ctx, a, sum, client.WithdrawKindCash, "cardless cash")
		if declined != nil {
			d.tellDecline(at, a, "cardless cash", sum, declined)
		}
		if err != nil || declined != nil {
			return err
		}
		for range 2 {
			a.keys--
			r, err := d.send(a, func(key client.Option) (*client.Result, error) {
				return d.client.Withdraw(ctx, a.id, client.Withdraw{Amount: sum, Currency: euro, Kind: client.WithdrawKindCash, Reference: "cardless cash"}, key)
			})
			if err != nil {
				return err
			}
			if !r.Replayed || r.TransactionID != transaction {
				return fmt.Errorf("%w: a repeated withdrawal was executed again as %s", ErrDifference, r.TransactionID)
			}
		}
		d.tell(at, "the phone of %s loses its signal and requests %s three times: paid once (%s)", a.name, amount(sum), transaction)
		return nil
	})
}

// planLostCard plans a freeze of debits.
func (d *day) planLostCard(a *account) {
	d.at(17*time.Hour, func(ctx context.Context, at time.Duration) error {
		d.tell(at, "%s reports a lost card: debits are frozen", a.name)
		a.frozen = true
		return d.status(a, func(key client.Option) (*client.Result, error) {
			return d.client.Freeze(ctx, a.id, client.Freeze{Scope: client.FreezeScopeDebits, ReasonCode: "card-lost"}, key)
		})
	})
	d.at(17*time.Hour+20*time.Minute, func(ctx context.Context, at time.Duration) error {
		_, err := d.send(a, func(key client.Option) (*client.Result, error) {
			return d.client.Withdraw(ctx, a.id, client.Withdraw{Amount: 100_00, Currency: euro, Kind: client.WithdrawKindCash}, key)
		})
		return d.refusal(at, a, err, client.CodeAccountFrozen, "somebody tries the card at a cash machine")
	})
	d.at(18*time.Hour, func(ctx context.Context, at time.Duration) error {
		d.tell(at, "%s finds the card in the other coat: unfrozen", a.name)
		a.frozen = false
		return d.status(a, func(key client.Option) (*client.Result, error) {
			return d.client.Unfreeze(ctx, a.id, client.Unfreeze{ReasonCode: "card-found"}, key)
		})
	})
}

// refusal prints a command that MUST be refused with the code.
func (d *day) refusal(at time.Duration, a *account, err error, code client.Code, story string) error {
	var refused *client.Problem
	if !errors.As(err, &refused) || refused.Code != code {
		return fmt.Errorf("%w: %s: expected the refusal %s, got %w", ErrDifference, a.id, code, err)
	}
	d.tell(at, "%s: refused, %s", story, code)
	return nil
}
