package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// rebuild folds the archive of a data directory into the balances, with the program that a user
// would run.
func (g *targets) rebuild(ctx context.Context, r *report, data string) error {
	cmd := exec.CommandContext(ctx, g.sibling("replay"), "rebuild", "--model", "balance", "--data", data, "--json")
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("replay rebuild: %w", err)
	}
	took := time.Since(began)
	var done struct {
		Events int64 `json:"events"`
	}
	if err := json.Unmarshal(out, &done); err != nil {
		return fmt.Errorf("replay rebuild: %w", err)
	}
	r.add(measure{what: "rebuilt from Parquet, events/s", target: 500_000}, float64(done.Events)/took.Seconds())
	return nil
}
