package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"passbook/credit"
	"passbook/shared/account"
	"passbook/shared/event"
	"passbook/shared/journal"
	"passbook/withdraw"
)

// command is a command that a client sent, and what it was told.
type command struct {
	journal.Command
	transfer *journal.Transfer
	amount   int64

	mu       sync.Mutex
	receipts []journal.Receipt
}

// ledger is all commands of the clients.
type ledger struct {
	mu   sync.Mutex
	sent map[event.Account]map[string]*command
	// version is the highest version of an account that a client was told.
	version map[event.Account]int64
	closed  bool // clients give up
}

func (l *ledger) add(c *command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent[c.Account] == nil {
		l.sent[c.Account] = map[string]*command{}
	}
	l.sent[c.Account][c.Key] = c
}

func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

func (l *ledger) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// openDoors starts clients that each send so many commands on a few accounts.
func (r *run) openDoors(clients, commands, accounts int) *sync.WaitGroup {
	list := make([]event.Account, accounts)
	for i := range list {
		list[i] = event.Account{Tenant: "main", ID: fmt.Sprint("A-", i)}
	}
	var all sync.WaitGroup
	for i := range clients {
		name := fmt.Sprint("client", i)
		draw := r.dice.of(name)
		all.Go(func() {
			for n := range commands {
				pause(between(draw, time.Millisecond, 400*time.Millisecond))
				c := r.compose(draw, list, fmt.Sprint(name, "-", n))
				r.ledger.add(c)
				if draw.IntN(8) == 0 { // sent twice at once
					again := r.dice.of(c.Key + " twice")
					all.Go(func() { pause(between(again, time.Microsecond, 20*time.Millisecond)); r.send(again, c) })
				}
				r.send(draw, c)
				if draw.IntN(8) == 0 {
					r.send(draw, c) // and again after the answer
				}
			}
		})
	}
	return &all
}

// compose draws a command. The first ones on an account open it.
func (r *run) compose(draw *rand.Rand, accounts []event.Account, key string) *command {
	a := accounts[draw.IntN(len(accounts))]
	c := &command{amount: int64(1 + draw.IntN(400)), Command: journal.Command{
		Account: a, Key: key, Request: journal.RequestHash("sim", a.ID, []byte(key)), Status: 201,
		CorrelationID: key, Actor: event.Text{Plain: "sim"},
	}}
	switch draw.IntN(8) {
	case 0, 1:
		c.Decide = credit.Open{AccountID: a.ID, Currency: "EUR", CreditLimit: 100}.Decide
	case 2, 3:
		c.Decide = credit.Credit{Amount: c.amount, Currency: "EUR"}.Decide
	case 4:
		c.Decide = withdraw.PlaceHold{Amount: c.amount, Currency: "EUR"}.Decide
	case 5:
		to := accounts[draw.IntN(len(accounts))]
		if to != a {
			move := withdraw.Transfer{From: a.ID, To: to.ID, Amount: c.amount, Currency: "EUR"}
			c.transfer = &journal.Transfer{Command: c.Command, To: to, DecideFrom: move.DecideFrom, DecideTo: move.DecideTo}
			break
		}
		fallthrough
	default:
		c.Decide = func(s account.State, now time.Time) account.Decision {
			return withdraw.Withdraw{Amount: c.amount, Currency: "EUR", Kind: event.KindCash}.Decide(s, now)
		}
	}
	return c
}

// send sends a command until its outcome is known, each time to any process that takes commands.
func (r *run) send(draw *rand.Rand, c *command) {
	for !r.ledger.isClosed() {
		if writers := r.writers(); len(writers) > 0 {
			known := r.ledger.known(c.Account)
			receipt, err := r.execute(draw, writers[draw.IntN(len(writers))], c)
			if err == nil {
				r.told(c, known, receipt)
				return
			}
		}
		pause(between(draw, 20*time.Millisecond, 500*time.Millisecond))
	}
}

// told notes an answer. A new one is decided on all that was told to anybody before its command was
// sent.
func (r *run) told(c *command, known int64, receipt journal.Receipt) {
	c.mu.Lock()
	c.receipts = append(c.receipts, receipt)
	c.mu.Unlock()
	switch {
	case receipt.Rejection != nil && receipt.Version < known:
		r.fail("%s: %s was refused at v%d (%s), when v%d was known already", c.Account.ID, c.Key, receipt.Version, receipt.Rejection.Code, known)
	case receipt.Entry != nil && !receipt.Replayed && receipt.Command.First <= known:
		r.fail("%s: %s was given v%d, when v%d was known already", c.Account.ID, c.Key, receipt.Command.First, known)
	case receipt.Entry != nil:
		r.ledger.learn(c.Account, receipt.Command.Last)
	}
}

func (l *ledger) known(a event.Account) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version[a]
}

func (l *ledger) learn(a event.Account, version int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version[a] = max(l.version[a], version)
}

// execute sends a command to a process. It has no answer once the process is off.
func (r *run) execute(draw *rand.Rand, p *process, c *command) (receipt journal.Receipt, err error) {
	j := p.writer()
	if j == nil {
		return receipt, errOff
	}
	ctx, cancel := context.WithTimeout(p.ctx, between(draw, time.Second, 6*time.Second))
	defer cancel()
	if c.transfer != nil {
		receipt, err = j.Transfer(ctx, *c.transfer)
	} else {
		receipt, err = j.Execute(ctx, c.Command)
	}
	if p.off.Load() {
		err = errOff
	}
	return receipt, err
}
