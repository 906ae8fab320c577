package audit

import (
	"context"
	"fmt"
	"time"

	"passbook/shared/webhook/verify"
)

// Deliveries are the rows of what is sent to webhooks.
type Deliveries struct {
	Table string
	// Compare compares them with the journal, without entries that were recorded after settled, and
	// calls found for each difference, one call at a time.
	Compare func(ctx context.Context, settled time.Time, found func(verify.Difference)) (verify.Compared, error)
}

// deliveryAdvice is what to do about a difference.
var deliveryAdvice = map[verify.Kind]Advice{
	verify.Lacking: deliveryLacking, verify.Wrong: deliveryWrong, verify.Orphan: deliveryOrphan, verify.Unknown: rowUnknown,
}

// checkDeliveries compares the rows of what is sent to webhooks, and repairs those that it can.
func (a *auditor) checkDeliveries(ctx context.Context) error {
	c := a.config.Deliveries
	if c == nil {
		return nil
	}
	var differ []verify.Difference
	compared, err := c.Compare(ctx, a.settled, func(d verify.Difference) {
		if len(differ) == maxFindings {
			a.report.count(&a.report.Count, 1) // it is not listed
			return
		}
		differ = append(differ, d)
	})
	if err != nil {
		return err
	}
	a.report.Deliveries = compared
	for _, d := range differ {
		account := ""
		if d.Account.ID != "" {
			account = d.Account.String()
		}
		f := finding(deliveryAdvice[d.Kind], c.Table, account, d.Version, "%s", d.What)
		if a.config.Repair.Delivery != nil && d.Kind != verify.Unknown {
			if err := a.config.Repair.Delivery(ctx, d); err != nil {
				return fmt.Errorf("repair the row %s: %w", d.Key.PK, err)
			}
			f.Repaired = true
			a.report.count(&a.report.Noted, 1)
		}
		a.report.keep(f)
	}
	return nil
}
