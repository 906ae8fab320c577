package operations

import (
	"encoding/json"
	"errors"
	"fmt"

	"passbook/shared/console/client"
	"passbook/shared/console/view"
)

// health asks the process for its checks. One that is not ready says so with a problem, which has
// them too.
func (d *operatorsPage) health(r *view.Request) error {
	var answer struct {
		Status string  `json:"status"`
		Checks []check `json:"checks"`
	}
	_, err := r.API.Get(r.Ctx(), "/readyz?verbose=true", &answer)
	var refused *client.Problem
	if errors.As(err, &refused) {
		text, failed := json.Marshal(refused.Members["checks"])
		if failed != nil || json.Unmarshal(text, &d.Checks) != nil || len(d.Checks) == 0 {
			return err
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask whether the process is ready: %w", err)
	}
	d.Ready, d.Checks = answer.Status == "ready", answer.Checks
	return nil
}
