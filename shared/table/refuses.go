package table

import (
	"context"
	"errors"
)

// Refuses says whether the table lets this caller put rows, by asking for a put that cannot be done, for want of the row that it
// would replace. It is ErrRefused where it does not, and nil for every other answer, and for none. It costs a write unit.
func Refuses(ctx context.Context, t Table, name string) error {
	err := t.Put(ctx, Put{Table: name, Row: Row{Key: Key{PK: "check", SK: "check"}}, If: Equals("there", Bool(true))})
	if errors.Is(err, ErrRefused) {
		return err
	}
	return nil
}
