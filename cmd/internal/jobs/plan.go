package jobs

import (
	"context"
	"errors"
	"fmt"

	"passbook/archiver"
	"passbook/cmd/internal/console"
	"passbook/cmd/internal/deployment"
	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/segment"
	"passbook/shared/stores"
)

// errEmpty: there is no archive.
var errEmpty = errors.New("the archive is empty: nothing was archived here yet")

// ErrEndUnproven: it was asked for a proof of where the archive ends, and there is none.
var ErrEndUnproven = errors.New("nothing proves where the archive ends")

// Proving says how much of an archive a job wants proven before it begins.
type Proving struct {
	// RequireEnd refuses an archive of which some shard has no end marker.
	RequireEnd bool `json:"require_end,omitempty"`
}

// Allows is nil when an archive may be read.
func (p Proving) Allows(x archive.Extent) error {
	if p.RequireEnd && x.Unproven > 0 {
		return ErrEndUnproven
	}
	return nil
}

// planned is what a job on the archive will read, and what is known of it from elsewhere.
type planned struct {
	archive.Plan
	known archive.Evidence
}

// plan makes a plan, in which what the archive lacks of what is known of it is a gap.
func (b Bank) plan(ctx context.Context, proving Proving) (p planned, err error) {
	if p.known, err = b.known(ctx); err != nil {
		return p, err
	}
	if p.Plan, err = archive.LoadPlan(ctx, b.Bucket); err != nil {
		return p, err
	}
	p.Plan = p.With(p.known)
	if len(p.Segments)+len(p.Gaps) == 0 {
		return p, errEmpty
	}
	return p, proving.Allows(p.Extent())
}

// known is what the bank knows of its archive: since when it is its own, and the archiver's
// checkpoints, up to which it was archived.
func (b Bank) known(ctx context.Context) (archive.Evidence, error) {
	k, err := owned(ctx, b.Bucket)
	if err != nil {
		return k, err
	}
	name := b.Config.Stream(deployment.EventStream)
	shards, err := consumer.Checkpoints(ctx, b.Table, name, archiver.Name)
	for shard, c := range shards {
		if c.Sequence != "" {
			source := segment.Source{Stream: name, Created: c.Created, Shard: shard}
			k.Bounds = append(k.Bounds, archive.Bound{Source: source, Last: c.Sequence, By: "the archiver's checkpoint"})
		}
	}
	return k, err
}

func owned(ctx context.Context, from bucket.Bucket) (k archive.Evidence, err error) {
	owner, err := stores.ReadOwner(ctx, from)
	if owner != nil {
		k.Since = owner.Since
	}
	return k, err
}

// KnownParams are the parameters of known: there are none.
type KnownParams struct{}

func (KnownParams) check() error { return nil }

// knows is known as a job, for who reads the archive beside the bank.
func (b Bank) knows(ctx context.Context, _ KnownParams, _ *progress.Tracker) (archive.Evidence, error) {
	return b.known(ctx)
}

// Known is what is known of an archive by a bank that can be asked: one that runs, or one whose
// tables are on AWS. Of a data directory that nobody holds only the archive is looked at, and of
// tables that are lost too: then the archive stands for itself.
func Known(ctx context.Context, t *console.Terminal, config platform.Config, from bucket.Bucket) (archive.Evidence, error) {
	k, err := owned(ctx, from)
	if err != nil {
		return k, err
	}
	if _, alone := platform.FindOps(config.Data); alone != nil && config.Store != platform.AWS {
		return k, nil
	}
	asked, err := Do[archive.Evidence](ctx, t, config, "known", KnownParams{})
	if err != nil {
		fmt.Fprintf(t.Err, "the archiver's checkpoints cannot be read, so the archive stands for itself: %v\n", err)
		return k, ctx.Err()
	}
	return asked, nil
}

// texts are the gaps as they are told.
func texts(gaps []archive.Gap) (texts []string) {
	for _, g := range gaps {
		texts = append(texts, g.String())
	}
	return texts
}
