package audit

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/event"
	"passbook/shared/readmodel"
)

// Derived are the further rows of a read model.
type Derived struct {
	Model, Table string
	// Compare compares those of a generation with the journal, and calls found for each difference,
	// one call at a time.
	Compare func(ctx context.Context, generation int64, found func(readmodel.Difference)) (readmodel.Compared, error)
}

// checkDerived compares the further rows of the live generation with the journal. What an account
// lacks is written by folding the account again.
func (a *auditor) checkDerived(ctx context.Context) error {
	c := a.config.Derived
	if c == nil {
		return nil
	}
	var lacking []Finding
	var accounts []readmodel.Difference
	compared, err := c.Compare(ctx, a.live[c.Model], func(d readmodel.Difference) {
		if d.Foreign {
			a.report.find(rowUnknown, c.Table, d.Account.String(), d.Version, "%s", d.What)
			return
		}
		if len(lacking) == maxFindings {
			a.report.count(&a.report.Count, 1) // it is not listed
			return
		}
		f := finding(derivedWrong, c.Table, d.Account.String(), d.Version, "%s", d.What)
		f.Expected, f.Found = d.Expected, d.Found
		lacking, accounts = append(lacking, f), append(accounts, d)
	})
	if err != nil {
		return err
	}
	a.report.Index = compared
	defer func() { a.report.keep(lacking...) }()
	if a.config.Repair.Refold == nil {
		return nil
	}
	folded := map[event.Account]bool{} // whether it could be; an account may lack several things
	for i, d := range accounts {
		repaired, known := folded[d.Account]
		if !known {
			err := a.config.Repair.Refold(ctx, c.Model, d.Account)
			if err != nil && !errors.Is(err, readmodel.ErrQuarantined) {
				return fmt.Errorf("fold %s again: %w", d.Account, err)
			}
			if repaired = err == nil; repaired {
				a.report.count(&a.report.Projected, 1)
			}
			folded[d.Account] = repaired
		}
		lacking[i].Repaired = repaired
	}
	return nil
}
