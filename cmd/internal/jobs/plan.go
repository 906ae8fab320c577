package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"passbook/archiver"
	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/shared/archive"
	"passbook/shared/bucket"
	"passbook/shared/consumer"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/replay/spill"
	"passbook/shared/segment"
	"passbook/shared/stores"
)

// errEmpty means that there is no archive.
var errEmpty = errors.New("the archive is empty: nothing has been archived yet")

// ErrEndUnproven means that the job requires a proof of where the archive ends, and there is none.
var ErrEndUnproven = errors.New("nothing proves where the archive ends")

// Proving says how much of an archive a job wants proven before it begins.
type Proving struct {
	// RequireEnd refuses an archive of which some shard has no end marker.
	RequireEnd bool `json:"require_end,omitempty"`
}

// Allows returns nil if an archive may be read.
func (p Proving) Allows(x archive.Extent) error {
	if p.RequireEnd && x.Unproven > 0 {
		return ErrEndUnproven
	}
	return nil
}

// planned is what a job on the archive will read, the evidence of what it should contain, and the
// proof of which entries are the bank's.
type planned struct {
	archive.Plan
	evidence archive.Evidence
	proof    *origin.Proof
}

// plan makes a plan in which everything that the archive should contain, and does not, is a gap.
func (b Bank) plan(ctx context.Context, proving Proving) (p planned, err error) {
	if p.evidence, err = b.evidence(ctx); err != nil {
		return p, err
	}
	if p.proof, err = b.proof(ctx); err != nil {
		return p, err
	}
	if p.Plan, err = archive.LoadPlan(ctx, b.Bucket); err != nil {
		return p, err
	}
	p.Plan = p.With(p.evidence)
	if len(p.Segments)+len(p.Gaps) == 0 {
		return p, errEmpty
	}
	return p, proving.Allows(p.Extent())
}

// proof returns what shows which entries are the bank's.
func (b Bank) proof(ctx context.Context) (*origin.Proof, error) {
	return origin.LoadProof(ctx, b.Table, b.Bucket, b.Keys)
}

// evidence returns what the bank knows of its archive: since when it owns it, and the archiver's
// checkpoints, up to which it was archived.
func (b Bank) evidence(ctx context.Context) (archive.Evidence, error) {
	k, err := ownerEvidence(ctx, b.Bucket)
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

// ownerEvidence returns the archive's owner, and since when it has it.
func ownerEvidence(ctx context.Context, from bucket.Bucket) (k archive.Evidence, err error) {
	owner, err := stores.ReadOwner(ctx, from)
	if owner != nil {
		k.Since, k.Bank = owner.Since, owner.Bank
	}
	return k, err
}

// EvidenceParams are the parameters of known: there are none.
type EvidenceParams struct{ look }

func (EvidenceParams) check() error { return nil }

// reportEvidence returns the evidence to a program that reads the archive beside the bank.
func (b Bank) reportEvidence(ctx context.Context, _ EvidenceParams, _ *progress.Tracker) (archive.Evidence, error) {
	return b.evidence(ctx)
}

// Evidence returns what a bank knows of its archive, if it can be asked: it runs, or its tables are
// on AWS. Without a running bank, and if the tables are lost, there is only what the archive itself
// contains.
func Evidence(ctx context.Context, t *cli.Terminal, config platform.Config, from bucket.Bucket) (archive.Evidence, error) {
	k, err := ownerEvidence(ctx, from)
	if err != nil {
		return k, err
	}
	if _, alone := platform.FindOps(config.Data); alone != nil && config.Store != platform.AWS {
		return k, nil
	}
	asked, err := Command[archive.Evidence]{Name: "known", Params: EvidenceParams{}}.Do(ctx, t, config)
	if err != nil {
		fmt.Fprintf(t.Err, "the archiver's checkpoints cannot be read, so nothing but the archive itself says where it ends: %v\n", err)
		return k, ctx.Err()
	}
	return asked, nil
}

// texts returns the descriptions of gaps.
func texts(gaps []archive.Gap) (texts []string) {
	for _, g := range gaps {
		texts = append(texts, g.String())
	}
	return texts
}

// Sorting says how much memory a job has that sorts the archive's entries by account.
type Sorting struct {
	// Memory is about how many bytes the entries take in memory; 0 means what Bank.scratch allows.
	Memory int64 `json:"memory,omitempty"`
}

// leastMemory and mostMemory bound the memory of a job that sorts.
const leastMemory, mostMemory = 16 << 20, 8 << 30

func (s Sorting) check() error {
	if s.Memory != 0 && (s.Memory < leastMemory || s.Memory > mostMemory) {
		return wrong("--memory is from %v to %v", platform.Bytes(leastMemory), platform.Bytes(mostMemory))
	}
	return nil
}

// The share of a process's memory that is for sorting where no other is asked for: of one that runs
// nothing but a job, and of a bank.
const (
	shareOfJob  = 2
	shareOfBank = 8
)

// scratch returns where a job sorts entries, and with how much memory: what was asked for, or else
// a share of the memory of the process, and spill.DefaultMemory at most.
func (b Bank) scratch(s Sorting) spill.Limits {
	share := shareOfJob
	if b.Flush != nil {
		share = shareOfBank
	}
	most := int64(platform.MemoryOf(b.Config).Limit) / int64(share)
	return Scratch(b.Config, cmp.Or(s.Memory, max(leastMemory, min(most, spill.DefaultMemory))))
}

// Scratch returns the limits of a job that sorts entries with so much memory: what does not fit is
// written to the data directory, or on AWS to the system's directory for temporary files.
func Scratch(config platform.Config, memory int64) spill.Limits {
	l := spill.Limits{Memory: memory}
	if config.Store == platform.Embedded {
		l.Dir = config.Data
	}
	return l
}
