package replay

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"passbook/shared/backoff"
	"passbook/shared/consumer"
	"passbook/shared/journal"
	"passbook/shared/table"
)

const (
	// meetings is how often two rows that move are read again until they are met at one version, meetEvery the time between.
	meetings  = 20
	meetEvery = 50 * time.Millisecond
)

// volatile are the attributes in which two generations differ by nature: who wrote the row and when, and the generation itself.
var volatile = []string{"rev", "projected_at", "shard", "sequence", "pending", "quiet", "hk", "dk"}

// Comparing configures Compare, Promote and Discard.
type Comparing struct {
	Table    table.Table
	Model    string
	Progress Progress
}

// Comparison is what Compare found.
type Comparison struct {
	Live, Candidate int64
	// Equal rows agree in everything at one version. Ahead are rows of the candidate that the live generation does not reach.
	Equal, Ahead int64
	// Faults name the rows that differ at one version, are behind the live one's, or are blocked.
	Faults Faults
}

// Compare holds the candidate of a model against the live generation, each row at equal versions. While both follow the stream a
// row is read again until the two meet. It ends with ErrDifference when a row differs, lags or is blocked.
func Compare(ctx context.Context, c Comparing) (Comparison, error) {
	live, candidate, err := consumer.Generations(ctx, c.Table, c.Model)
	found := Comparison{Live: live, Candidate: candidate}
	if err == nil && candidate == 0 {
		err = fmt.Errorf("there is no candidate, replay rebuild makes one: %w", consumer.ErrGeneration)
	}
	if err != nil {
		return found, fmt.Errorf("compare %s: %w", c.Model, err)
	}
	run := comparison{Comparing: c, live: live, candidate: candidate}
	run.rows = startStep(c.Progress, fmt.Sprintf("compare %s with %s", consumer.Name(c.Model, candidate), consumer.Name(c.Model, live)), "rows", 0)
	defer run.rows.end()
	err = eachRow(ctx, c.Table, c.Model, live, func(ctx context.Context, row rowOf) error { return run.meet(ctx, row.account) })
	if err == nil {
		err = eachRow(ctx, c.Table, c.Model, candidate, run.alone)
	}
	if err != nil {
		return found, fmt.Errorf("compare %s: %w", c.Model, err)
	}
	found.Equal, found.Ahead = run.equal.Load(), run.ahead.Load()
	found.Faults, err = run.faults.result()
	return found, err
}

type comparison struct {
	Comparing
	live, candidate int64
	rows            *step
	equal, ahead    atomic.Int64
	faults          collector
}

// meet compares an account's two rows.
func (r *comparison) meet(ctx context.Context, a journal.Account) error {
	r.rows.add(1)
	for try := 1; ; try++ {
		live, err := getRow(ctx, r.Table, r.Model, r.live, a)
		if err != nil {
			return err
		}
		made, err := getRow(ctx, r.Table, r.Model, r.candidate, a)
		if err != nil {
			return err
		}
		switch {
		case made.blocked != 0:
			r.faults.add(a, made.blocked, "the candidate's row is blocked")
			return nil
		case live.version == made.version:
			r.judge(a, live, made)
			return nil
		case try < meetings && live.blocked == 0:
			err = backoff.Sleep(ctx, meetEvery)
			if err != nil {
				return err
			}
			continue
		case made.version > live.version:
			r.ahead.Add(1)
		default:
			r.faults.add(a, made.version+1, "the candidate's row is behind the live one at v%d", live.version)
		}
		return nil
	}
}

// judge compares two rows at one version.
func (r *comparison) judge(a journal.Account, live, made rowOf) {
	var differ []string
	for name := range live.attrs {
		if _, there := made.attrs[name]; !there && counts(name) {
			differ = append(differ, name)
		}
	}
	for name, value := range made.attrs {
		if counts(name) && !reflect.DeepEqual(value, live.attrs[name]) {
			differ = append(differ, name)
		}
	}
	if len(differ) == 0 {
		r.equal.Add(1)
		return
	}
	slices.Sort(differ)
	r.faults.add(a, live.version, "the rows differ in %v", differ)
}

func counts(name string) bool {
	return !slices.Contains(volatile, name) && name != "blocked_at_version" && name != "cause"
}

// alone looks at the candidate's rows that the live generation does not have.
func (r *comparison) alone(ctx context.Context, made rowOf) error {
	live, err := getRow(ctx, r.Table, r.Model, r.live, made.account)
	if err != nil || live.attrs != nil {
		return err
	}
	r.rows.add(1)
	r.ahead.Add(1)
	if made.blocked != 0 {
		r.faults.add(made.account, made.blocked, "the candidate's row is blocked")
	}
	return nil
}

// Promote makes the candidate live if Compare finds nothing, or whatever it finds when force says so. The generation that was
// live stays beside it until Discard.
func Promote(ctx context.Context, c Comparing, force bool) (Comparison, error) {
	found, err := Compare(ctx, c)
	if err != nil && !(force && found.Faults.Count > 0) {
		return found, err
	}
	err = consumer.Promote(ctx, c.Table, c.Model, found.Candidate)
	if err != nil {
		return found, fmt.Errorf("promote %s: %w", consumer.Name(c.Model, found.Candidate), err)
	}
	return found, nil
}
