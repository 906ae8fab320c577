package table

import (
	"context"
	"errors"
)

// ProbePut finds out whether the caller may put rows into a table, by a put whose condition is
// never true. It returns nil if the caller may, ErrRefused if not, and any other error if that
// remained open. It costs one write unit.
func ProbePut(ctx context.Context, t Table, name string) error {
	err := t.Put(ctx, Put{Table: name, Row: Row{Key: Key{PK: "check", SK: "check"}}, If: Equals("there", Bool(true))})
	if errors.Is(err, ErrConditionFailed) {
		return nil
	}
	return err
}
