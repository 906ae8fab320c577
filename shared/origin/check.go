package origin

import (
	"context"
	"errors"
	"fmt"

	"passbook/shared/event"
)

// Check returns nil for an entry of the bank, event.ErrForeign with the reason for any other, and
// another error where it could not find out. It never waits for the next reading: forged records
// cost a read of the bank's row at most every freshFor, and only while the polling fails.
func (k *Keeper) Check(ctx context.Context, e *event.Entry) error {
	if !e.Signed() {
		return k.checkUnsigned(ctx, e)
	}
	err := k.now.Load().verify(e)
	if errors.Is(err, errNoBank) { // it may have begun just now
		if _, failed := k.read(ctx); failed != nil {
			return failed
		}
		err = k.now.Load().verify(e)
	}
	var unknown *event.UnknownKeyError
	if errors.As(err, &unknown) {
		now, failed := k.fresh(ctx)
		if failed != nil {
			return failed
		}
		if err = now.verify(e); errors.As(err, &unknown) && now.unloaded != nil {
			return now.unloaded
		}
	}
	return named(e, err)
}

// named adds to an error which entry it is about.
func named(e *event.Entry, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("entry of %s at version %d: %w", event.Account{Tenant: e.Tenant, ID: e.AccountID}, e.First, err)
}

// verify checks the mac of an entry.
func (r *reading) verify(e *event.Entry) error {
	switch {
	case r.bank.ID == "":
		return errNoBank
	case r.checks == nil:
		return &event.UnknownKeyError{Key: e.MAC.Key}
	}
	return r.checks.Verify(e.Hash, e.MAC)
}

// checkUnsigned checks an entry of format 1. Once the bank has switched, it is the bank's only if
// the journal has it.
func (k *Keeper) checkUnsigned(ctx context.Context, e *event.Entry) error {
	now, err := k.fresh(ctx)
	if err != nil {
		return err
	}
	if now.bank.Format < 2 || now.bank.Switching() {
		return nil
	}
	account := event.Account{Tenant: e.Tenant, ID: e.AccountID}
	for committed, err := range k.config.Journal.Backward(ctx, account, e.Last) {
		var newer *event.FormatError
		switch {
		case errors.Is(err, event.ErrDamaged), errors.As(err, &newer):
			return named(e, fmt.Errorf("%w: it has no mac, and the journal's entry cannot be read: %v", event.ErrForeign, err))
		case err != nil:
			return err
		case committed.First == e.First && committed.Hash == e.Hash:
			return nil
		}
		break
	}
	return named(e, fmt.Errorf("%w: it has no mac, and the journal does not have it", event.ErrForeign))
}

// CheckFormat returns event.ErrForeign for a record of a format that the bank does not write, and a
// Refusal if it does, so that this program is too old; any other error means that it could not find
// out.
func (k *Keeper) CheckFormat(ctx context.Context, format int) error {
	now, err := k.fresh(ctx)
	switch {
	case err != nil:
		return err
	case now.bank.ID == "":
		return errNoBank
	case format > now.bank.Format:
		return fmt.Errorf("%w: it has format %d, and the bank writes formats up to %d", event.ErrForeign, format, now.bank.Format)
	}
	return now.bank.CheckFormat(event.Format)
}
