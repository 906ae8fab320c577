package archiveside

import (
	"context"
	"errors"

	"passbook/archiver"
	"passbook/cmd/internal/serve"
	"passbook/shared/archivelog"
	"passbook/shared/consumer"
	"passbook/shared/origin"
	"passbook/shared/web"
)

// Open starts the archiver of a process and the log of its archive, and returns both with the check
// that /readyz makes of them.
func Open(p *serve.Process, keeper *origin.Keeper, runtime consumer.Runtime) (*archiver.Archiver, *archivelog.Log, web.Check, error) {
	log := archivelog.New(archivelog.Config{
		Bucket: p.Engine.Bucket, Table: p.Engine.Table, Keys: p.Engine.Keys, Bank: keeper.Bank, Check: keeper.Check,
		Owner: runtime.Owner, Exclusive: p.Engine.Exclusive, Every: p.Config.SegmentAge, Log: p.Log,
	})
	archives, err := archiver.New(archiver.Config{
		Bucket: p.Engine.Bucket, Bank: keeper.Bank(), Format: keeper.Format, SegmentBytes: int64(p.Memory.Segment), SegmentAge: p.Config.SegmentAge,
		Sealed: log.Sealed, Tracer: p.Tracer, Log: p.Log,
	})
	if err != nil {
		return nil, nil, web.Check{}, err
	}
	archives.Report(p.Registry)
	p.Go(serve.UntilConsumers, archiver.Name, consumer.New(archives.Consumer(runtime)).Run)
	p.Go(serve.UntilConsumers, "log of the archive", log.Run)
	p.At(serve.SealSegments, "open segments", archives.Flush)
	ready := func(context.Context) error { return errors.Join(archives.Ready(), log.Ready()) }
	return archives, log, web.Check{Name: "archive", Advisory: true, Ready: ready}, nil
}
