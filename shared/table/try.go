package table

import (
	"context"
	"errors"
)

// Try says whether the table lets this caller put rows, by asking for a put that cannot be done,
// for want of the row that it would replace: nil where it does, ErrRefused where it does not, and
// any other error where it did not say. It costs a write unit.
func Try(ctx context.Context, t Table, name string) error {
	err := t.Put(ctx, Put{Table: name, Row: Row{Key: Key{PK: "check", SK: "check"}}, If: Equals("there", Bool(true))})
	if errors.Is(err, ErrConditionFailed) {
		return nil
	}
	return err
}
