package clockwatch

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"passbook/shared/event"
	"passbook/shared/telemetry"

	"github.com/prometheus/client_golang/prometheus"
)

// Remembered is how long Err and the gauge report an account that was ahead.
const Remembered = time.Minute

// Watch is what a journal saw of accounts that are ahead of this machine's clock. It is safe for
// concurrent use.
type Watch struct {
	stood, refused prometheus.Counter
	log            *slog.Logger

	mu   sync.Mutex
	last sighting
	most sighting // the furthest
}

// New returns a Watch that logs to log. Its collectors are registered unless r is nil.
func New(r prometheus.Registerer, log *slog.Logger) *Watch {
	w := &Watch{
		log: log,
		stood: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: telemetry.Namespace, Name: "journal_clock_stood_total", Help: "Commands decided on accounts whose last entry is more than 5 s ahead of this machine's clock.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: telemetry.Namespace, Name: "journal_clock_refused_total", Help: "Commands refused because the account's last entry is more than 31 days ahead of this machine's clock.",
		}),
	}
	if r != nil {
		r.MustRegister(w.stood, w.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: telemetry.Namespace, Name: "journal_clock_ahead_seconds", Help: "Seconds by which the furthest account of the last minute is ahead of this machine's clock; 0 up to 5 s.",
		}, w.furthest))
	}
	return w
}

// sighting is an account that was found ahead. As an error it tells an operator what to do.
type sighting struct {
	account event.Account
	by      time.Duration
	at      time.Time // of this process
	refused bool
}

func (s sighting) over() bool { return s.at.IsZero() || time.Since(s.at) > Remembered }

// Ahead notes an account that took a command although it is ahead.
func (w *Watch) Ahead(account event.Account, by time.Duration) {
	w.stood.Inc()
	w.note(sighting{account, by, time.Now(), false})
}

// Refused notes an account that is so far ahead that its command was refused.
func (w *Watch) Refused(account event.Account, by time.Duration) {
	w.refused.Inc()
	w.note(sighting{account, by, time.Now(), true})
}

// note remembers and logs an account that is ahead. The account is in the error attribute and not
// in the message, so that many accounts are logged as one problem. A refused account is never
// replaced by one that was not refused, until it is no longer remembered.
func (w *Watch) note(s sighting) {
	w.log.Warn("an account is ahead of this machine's clock", "error", s)
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.refused || !w.last.refused || w.last.over() {
		w.last = s
	}
	// Half of the time, so that the gauge does not fall to 0 before the next account is noted.
	if s.by > w.most.by || time.Since(w.most.at) > Remembered/2 {
		w.most = s
	}
}

// furthest returns how many seconds ahead the furthest account of the last minute was.
func (w *Watch) furthest() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.most.over() {
		return 0
	}
	return w.most.by.Seconds()
}

// Error names the account and the remedy: the clock is wrong, or was.
func (s sighting) Error() string {
	id, by := s.account, s.by.Round(time.Second)
	if s.refused {
		return fmt.Sprintf("account %s is %v ahead of this machine's clock and takes no commands: set the clock, or run: bank clock accept %s", id, by, id)
	}
	return fmt.Sprintf("account %s is %v ahead of this machine's clock; its entries keep that time until the clock has reached it: set the clock if it is behind", id, by)
}

// Tenant returns whose account it is, for those who may not see the accounts of every tenant.
func (s sighting) Tenant() string { return s.account.Tenant }

// Err returns an error that names an account found ahead within the last minute, and the remedy;
// nil when there was none.
func (w *Watch) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.over() {
		return nil
	}
	return w.last
}
