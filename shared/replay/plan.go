package replay

import (
	"context"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/origin"
)

// loadPlan loads the plan of a job. Segments that are known to have been archived and are missing
// are gaps. Suspect segments are gaps too, and are read only if each entry proves that it is the
// bank's.
func loadPlan(ctx context.Context, b bucket.Bucket, known archive.Evidence, p *origin.Proof) (archive.Plan, error) {
	plan, err := archive.LoadPlan(ctx, b)
	plan = plan.With(known)
	if !p.Complete() {
		plan = plan.Trusted()
	}
	return plan, err
}
