package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"passbook/cmd/internal/backups"
	"passbook/cmd/internal/cli"
	"passbook/cmd/internal/deployment"
	"passbook/cmd/internal/ops"
	"passbook/shared/backup"
	"passbook/shared/opslog"
	"passbook/shared/platform"
	"passbook/shared/progress"
	"passbook/shared/telemetry"
)

// BackupParams are the parameters of backup.
type BackupParams struct {
	// Dir is the directory of the backup, an absolute path on the machine of the bank.
	Dir string `json:"directory"`
	// Rate bounds the bytes that are read a second; 0 does not.
	Rate int64 `json:"rate,omitempty"`
}

func (p BackupParams) check() error {
	switch {
	case !filepath.IsAbs(p.Dir):
		return wrong("the directory of the backup is not an absolute path")
	case p.Rate < 0:
		return wrong("--rate is negative")
	}
	return nil
}

func (BackupParams) changes() bool { return false }

// backup makes a backup of the data directory.
func (b Bank) backup(ctx context.Context, params BackupParams, p *progress.Tracker) (backups.Taken, error) {
	taken, err := backups.Take(ctx, backups.Source{
		Config: b.Config, Stream: b.Config.Stream(deployment.EventStream), Table: b.Table, Streams: b.Streams, Resources: Resources(), Snapshot: b.Snapshot,
		Version: b.Version,
	}, params.Dir, params.Rate, p)
	if errors.Is(err, backups.ErrInside) {
		err = wrong("%v", err)
	}
	if err == nil && b.BackedUp != nil {
		b.BackedUp(taken.Taken)
	}
	return taken, err
}

// RestoreBackup makes a bank of a backup in a new data directory, which config names. by is what
// the operators' log of the restored bank has of it.
func RestoreBackup(ctx context.Context, t *cli.Terminal, config platform.Config, r backups.Restoration, by ops.Request) (backups.Restored, error) {
	if name := config.Stream(deployment.EventStream); r.Backup.Stream != name {
		return backups.Restored{}, cli.Fail(cli.ExitUsage, fmt.Errorf("the backup is of a bank with the stream %s, and this one would be %s", r.Backup.Stream, name), "name its prefix with --prefix (PASSBOOK_PREFIX)")
	}
	bar := cli.NewProgress(t.Err, "restore")
	defer bar.Finish()
	p := progress.New()
	defer bar.Follow(p.Snapshot)()
	r.Config = config
	r.Finish = func(ctx context.Context, config platform.Config) (time.Time, error) {
		return finishRestore(ctx, t, config, r.Backup, by, p)
	}
	return backups.Restore(ctx, r, p)
}

// finishRestore proves the journal of a restored bank and creates its stream again, so that no
// reader takes its records for those of the bank that the backup is of.
func finishRestore(ctx context.Context, t *cli.Terminal, config platform.Config, m *backup.Manifest, by ops.Request, p *progress.Tracker) (life time.Time, err error) {
	log, err := telemetry.NewLogger(t.Err, telemetry.LogOptions{Level: "warn", Format: config.LogFormat})
	if err != nil {
		return life, err
	}
	engine, err := platform.Open(ctx, config, Resources(), log)
	if err != nil {
		return life, err
	}
	defer func() { err = errors.Join(engine.Explain(err), engine.Close()) }()
	if err := backups.Prove(ctx, engine, m, p); err != nil {
		return life, err
	}
	p.Begin("new stream", "streams", 1)
	a, err := opslog.Begin(ctx, engine.Table, opslog.Action{Job: by.Job, Actor: engine.Caller(ctx), Reason: by.Reason, Params: string(by.Params)})
	if err != nil {
		return life, err
	}
	done, err := NewBank(config, engine, log).renew(ctx, RenewParams{}, p)
	if err != nil {
		return life, fmt.Errorf("create the stream again: %w", err)
	}
	return done.Since, a.End(ctx, engine.Table, opslog.Outcome{State: opslog.Done})
}
