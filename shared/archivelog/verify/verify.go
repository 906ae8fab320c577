package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"passbook/shared/archive/versions"
	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/progress"
)

// ErrDifference means that the copy is not what was signed; the report lists where. Programs exit
// with 3.
var ErrDifference = errors.New("the copy of the archive is not what was signed")

// Config configures Run. All but Accounts and Progress are required.
type Config struct {
	// Bucket has the copy. Nothing is written to it.
	Bucket bucket.Bucket
	// Kept is the signed checkpoint that somebody kept, and Keys are the public keys of the log.
	Kept []byte
	Keys []note.Verifier
	// Accounts bounds the accounts that are checked at once; 0 means
	// versions.DefaultAccounts.
	Accounts int
	// Progress counts the entries that were checked; nil is told nothing.
	Progress *progress.Tracker
}

// verifier checks a copy.
type verifier struct {
	config Config
	report *Report
	// size is the number of leaves that are checked, total that of their entries.
	size, total int64
	// leaves has the number of each segment's leaf.
	leaves map[[16]byte]int64
}

// Run checks the copy. With findings it returns the report and ErrDifference.
func Run(ctx context.Context, c Config) (*Report, error) {
	kept, err := archivelog.OpenCheckpoint(c.Kept, c.Keys)
	if err != nil {
		return nil, fmt.Errorf("%w: the checkpoint that was kept: %w", ErrDifference, err)
	}
	v := &verifier{config: c, leaves: map[[16]byte]int64{}, report: &Report{Bank: kept.Bank, Kept: signedOf(kept), Findings: []versions.Finding{}}}
	if err := v.readLog(ctx, kept); err != nil {
		return nil, err
	}
	if err := v.checkAccounts(ctx); err != nil {
		return nil, err
	}
	if err := v.listUnlogged(ctx); err != nil {
		return nil, err
	}
	if v.report.Count > 0 {
		return v.report, fmt.Errorf("%w: %d findings", ErrDifference, v.report.Count)
	}
	return v.report, nil
}

// checkAccounts checks the segments and the chains of the accounts.
func (v *verifier) checkAccounts(ctx context.Context) (err error) {
	before := *v.report
	before.Findings = slices.Clip(before.Findings) // each attempt appends to its own
	v.report.Accounts, err = versions.Check(versions.Config{
		Accounts: v.config.Accounts, Find: v.report.find,
		Begin: func(parts int) {
			*v.report = before
			v.report.Parts = parts
			v.config.Progress.Begin("check", "entries", v.total*int64(parts))
		},
		Walk: func(r versions.Reading, take func(versions.Link) error) error { return v.walk(ctx, r, take) },
	})
	return err
}
