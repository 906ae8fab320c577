package audit

import (
	"context"
	"errors"
	"fmt"

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
	for i, d := range accounts {
		err := a.config.Repair.Refold(ctx, c.Model, d.Account)
		if errors.Is(err, readmodel.ErrQuarantined) {
			continue
		}
		if err != nil {
			return fmt.Errorf("fold %s again: %w", d.Account, err)
		}
		lacking[i].Repaired = true
		a.report.count(&a.report.Projected, 1)
	}
	return nil
}
