package audit

import (
	"context"
	"errors"

	"passbook/shared/event"
	"passbook/shared/origin"
)

// checkOrigin checks whether the bank wrote the journal's next entry. An entry without a mac from
// after the switch is the bank's once a later entry follows it that is.
func (s *accountAudit) checkOrigin(ctx context.Context, e *event.Entry) (foreign bool, err error) {
	err = s.config.Origin.Verify(ctx, e)
	switch {
	case errors.Is(err, event.ErrForeign):
		s.find(journalForeign, inJournal, e.First, "%v", err)
		return true, nil
	case errors.Is(err, origin.ErrUnproven):
		if s.unsigned == nil {
			s.unsigned = e
		}
		return false, nil
	case err != nil:
		return false, err
	case e.Signed() && e.Prev == s.hash:
		s.unsigned = nil
	}
	return false, nil
}

// checkHead reports an account that ended at a later version when the bank was switched to macs
// than it does now, in journal and archive together.
func (s *accountAudit) checkHead(ctx context.Context, end int64) error {
	if !s.config.Origin.Complete() {
		return nil
	}
	head, ok, err := s.config.Origin.Heads.Of(ctx, s.account)
	if ok {
		s.heads.Add(1)
		s.headed.Store(s.account.String(), true)
	}
	if ok && head.Version > end {
		s.find(journalDamaged, inJournal, end+1, "missing up to v%d, which the account had when the bank was switched to macs", head.Version)
	}
	return err
}

// checkHeads reports the accounts that the bank had when it was switched to macs, and of which
// neither journal nor archive has anything.
func (a *auditor) checkHeads(ctx context.Context) error {
	if !a.config.Origin.Complete() || a.heads.Load() == a.config.Origin.Heads.Accounts() {
		return nil
	}
	for head, err := range a.config.Origin.Heads.All(ctx) {
		if err != nil {
			return err
		}
		of := head.Account.String()
		if _, audited := a.headed.Load(of); !audited && a.audits(head.Account.Tenant) {
			a.report.find(journalDamaged, inJournal, of, 1, "missing up to v%d, which the account had when the bank was switched to macs", head.Version)
		}
	}
	return nil
}
