package stores

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/segment"
	"passbook/shared/table"
)

// OwnerKey is the key of the object that names the archive's owner.
const OwnerKey = "owner.json"

const (
	ownerFormat = 1
	// maxOwner bounds owner.json.
	maxOwner = 4 << 10
)

// Owner is the content of owner.json.
type Owner struct {
	Format int `json:"format"`
	// Bank is the bank's random id.
	Bank string `json:"bank"`
	// Stream is the stream that is archived, with the deployment's prefix.
	Stream string `json:"stream"`
	// Since is when the bank took the archive.
	Since time.Time `json:"since"`
}

// ownership is what both sides record: the bank's row in the control table, zero without the row,
// and the owner in the bucket, nil without the object.
type ownership struct {
	bank  origin.Bank
	owner *Owner
}

// agreed reports whether both sides name the same bank.
func (o ownership) agreed() bool { return o.owner != nil && o.bank.ID == o.owner.Bank }

// ownership reads both sides, the object first: tie writes the row first, so that a reader that
// sees the object sees the row too. A bank whose entries this program does not know is refused.
func (s Set) ownership(ctx context.Context) (o ownership, err error) {
	o.owner, err = ReadOwner(ctx, s.Bucket)
	if err != nil {
		return o, err
	}
	o.bank, err = s.readBank(ctx)
	return o, err
}

// readBank reads the bank's row, zero if there is none, and refuses a bank whose entries have a
// newer format than this program knows.
func (s Set) readBank(ctx context.Context) (origin.Bank, error) {
	bank, err := origin.ReadBank(ctx, s.Table)
	if err == nil {
		err = bank.CheckFormat(event.Format)
	}
	return bank, err
}

// ReadOwner reads owner.json; nil if there is none. An object that cannot be parsed is a
// Disagreement.
func ReadOwner(ctx context.Context, b bucket.Bucket) (*Owner, error) {
	object, err := b.Open(ctx, OwnerKey)
	if errors.Is(err, bucket.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", OwnerKey, err)
	}
	defer object.Close()
	text := make([]byte, min(object.Size(), maxOwner))
	if n, err := object.ReadAt(text, 0); n < len(text) {
		return nil, fmt.Errorf("read %s: %w", OwnerKey, err)
	}
	o := &Owner{}
	switch err := json.Unmarshal(text, o); {
	case err == nil && o.Format > ownerFormat:
		return nil, &Disagreement{What: fmt.Sprintf("the archive's %s has format %d, but this program reads up to %d", OwnerKey, o.Format, ownerFormat), Next: "use a newer program"}
	case err != nil || o.Format < 1 || o.Bank == "" || o.Stream == "":
		return nil, &Disagreement{What: OwnerKey + " of the archive is damaged", Next: "put back the object as it was first written, or remove it and run: " + claimCommand}
	}
	return o, nil
}

// tie writes what is missing on both sides, the row first: an owner without its bank would keep
// everybody out. Of two programs that begin at the same time both continue with what the first has
// written, or one gets the error that the archive is another bank's. fresh says that neither
// journal nor archive has anything.
func (s Set) tie(ctx context.Context, o ownership, fresh bool) (err error) {
	if o.bank.ID == "" {
		o.bank, err = s.begin(ctx, o.owner, fresh)
		if err != nil {
			return err
		}
	}
	if o.owner == nil {
		err := s.writeEndMarkers(ctx)
		if err != nil {
			return err
		}
		err = s.createOwner(ctx, o.bank.ID)
		if err != nil {
			return err
		}
	}
	now, err := s.ownership(ctx)
	if err == nil && !now.agreed() {
		err = s.checkForeign(now)
	}
	return err
}

// begin writes the row of a bank that has none, and returns it. A bank whose row was lost is
// written as its archive knows it; a new one signs its entries from the first one on; and one from
// before there were rows has entries of format 1, until it is upgraded.
func (s Set) begin(ctx context.Context, owner *Owner, fresh bool) (origin.Bank, error) {
	id, err := "", error(nil)
	if owner != nil {
		id = owner.Bank
	} else if id, err = origin.BucketBank(ctx, s.Bucket); err != nil {
		return origin.Bank{}, err
	}
	known, err := origin.Recover(ctx, s.Bucket, s.Keys, id)
	if err != nil {
		return origin.Bank{}, err
	}
	if id == "" {
		id = uuid.NewString()
	}
	switch {
	case known.ID != "":
		err = origin.Restore(ctx, s.Table, s.Bucket, origin.Bank{}, known)
	case fresh:
		err = origin.NewBank(ctx, s.Table, s.Bucket, s.Keys, id)
	default:
		err = origin.WriteBank(ctx, s.Table, origin.Bank{}, origin.Bank{ID: id, Since: time.Now(), Format: 1})
	}
	if err != nil && !errors.Is(err, table.ErrConditionFailed) {
		return origin.Bank{}, err
	}
	bank, err := s.readBank(ctx)
	if err == nil && bank.ID == "" {
		err = &Disagreement{
			What: "the control table has a data key, and no row that says whose",
			Next: "restore the row bank / - of the control table from a backup",
		}
	}
	return bank, err
}

// writeEndMarkers writes an end marker for each of the stream's sources, in an archive from before
// there were any. A source without one beside sources that have them would be taken for another
// bank's, and these are proven to be this bank's, or claimed. A source whose newest segment is
// damaged gets none: its readers report the damage.
func (s Set) writeEndMarkers(ctx context.Context) error {
	last, err := s.lastSegments(ctx)
	if err != nil {
		return err
	}
	for source, object := range last {
		if source.Stream != s.Stream {
			continue
		}
		footer, err := segment.ReadFooter(ctx, s.Bucket, object.Key)
		if segment.Unusable(err) {
			continue
		}
		if err == nil {
			err = archive.NewEndMarker(object.Name, footer, false).Write(ctx, s.Bucket)
		}
		if err != nil {
			return fmt.Errorf("mark the end of %s: %w", source, err)
		}
	}
	return nil
}

// createOwner writes owner.json, unless it exists.
func (s Set) createOwner(ctx context.Context, id string) error {
	text, err := json.Marshal(Owner{Format: ownerFormat, Bank: id, Stream: s.Stream, Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = s.Bucket.Create(ctx, OwnerKey, append(text, '\n'))
	}
	if err != nil && !errors.Is(err, bucket.ErrExists) {
		return fmt.Errorf("write %s: %w", OwnerKey, err)
	}
	return nil
}

// checkForeign returns a Disagreement if the two sides name two banks.
func (s Set) checkForeign(o ownership) error {
	if o.owner == nil {
		return nil
	}
	if o.owner.Stream != s.Stream {
		return &Disagreement{
			What: fmt.Sprintf("the archive is of stream %s, but this bank's is %s", o.owner.Stream, s.Stream),
			Next: "name this bank's own with --bucket or --data, or correct PASSBOOK_PREFIX",
		}
	}
	if o.bank.ID == "" || o.bank.ID == o.owner.Bank {
		return nil
	}
	return &Disagreement{
		What: fmt.Sprintf("the archive belongs to bank %s, but these tables belong to bank %s", o.owner.Bank, o.bank.ID),
		Next: "name this bank's own with --bucket or --data; if it is this bank's nevertheless, confirm it: " + claimCommand,
	}
}

// Claimed is what Claim wrote.
type Claimed struct {
	// Bank is the bank's id, now on both sides.
	Bank string `json:"bank"`
	// Before is the id that the control table had, if it was another.
	Before string `json:"before,omitempty"`
}

// Claim ties the archive to this bank because a person says so. Nothing in a bucket is overwritten,
// so if the archive has an owner the bank takes the owner's id. A bank that signs its entries
// cannot take another id: they are signed with its own.
func (s Set) Claim(ctx context.Context) (Claimed, error) {
	f, err := s.facts(ctx)
	if err != nil {
		return Claimed{}, err
	}
	o := f.ownership
	if o.owner != nil && o.owner.Stream != s.Stream {
		return Claimed{}, s.checkForeign(o)
	}
	before := ""
	if o.owner != nil && o.bank.ID != "" && o.bank.ID != o.owner.Bank {
		if o.bank.Format > 1 {
			return Claimed{}, &Disagreement{
				What: fmt.Sprintf("the archive belongs to bank %s, and the entries of these tables are signed as those of bank %s", o.owner.Bank, o.bank.ID),
				Next: "name this bank's own archive with --bucket or --data; a new bank takes another --prefix and another archive",
			}
		}
		before = o.bank.ID
		now := o.bank
		now.ID = o.owner.Bank
		err := origin.WriteBank(ctx, s.Table, o.bank, now)
		if err != nil {
			return Claimed{}, err
		}
		o.bank = now
	}
	err = s.tie(ctx, o, f.fresh())
	if err != nil {
		return Claimed{}, err
	}
	bank, err := s.readBank(ctx)
	return Claimed{Bank: bank.ID, Before: before}, err
}
