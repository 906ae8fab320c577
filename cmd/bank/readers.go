package main

import (
	"os"
	"strconv"

	"github.com/google/uuid"

	"passbook/archiver"
	"passbook/balance"
	"passbook/cmd/internal/jobs"
	"passbook/creditlimit"
	"passbook/shared/consumer"
	"passbook/shared/telemetry"
)

// openReaders makes the consumers: the two read models, in all their generations, and the archiver.
func (b *bank) openReaders() (err error) {
	worker := consumer.Config{
		Stream: b.config.Stream(jobs.EventStream), Owner: owner(b.config.Instance), Lease: b.config.Lease, Exclusive: b.engine.Exclusive,
		Table: b.engine.Table, Streams: b.engine.Streams,
		Decoder: consumer.NewDecoder(), Metrics: consumer.NewMetrics(b.registry), Log: b.log,
	}
	b.balances = balance.NewStore(b.engine.Table)
	b.balanceProjector = balance.NewProjector(balance.Config{Worker: worker, Journal: b.journal.Reader, Store: b.balances})
	b.limits = creditlimit.NewStore(b.engine.Table)
	b.limitProjector = creditlimit.NewProjector(creditlimit.Config{
		Worker: worker, Journal: b.journal.Reader, Store: b.limits,
		Notifications: b.config.Stream(jobs.NotificationStream),
	})
	b.archiver, err = archiver.New(archiver.Config{
		Bucket: b.engine.Bucket, SegmentBytes: int64(b.config.SegmentBytes), SegmentAge: b.config.SegmentAge, Log: b.log,
	})
	if err != nil {
		return err
	}
	worker.Name, worker.Open = archiver.Name, b.archiver.Open
	b.archiveWorker = consumer.New(worker)
	b.measureArchiver()
	return nil
}

// measureArchiver adds what the archiver counts to the metrics.
func (b *bank) measureArchiver() {
	for name, count := range map[string]func(archiver.Stats) int64{
		"archive_segments_total": func(s archiver.Stats) int64 { return s.Segments },
		"archive_rows_total":     func(s archiver.Stats) int64 { return s.Rows },
		"archive_bytes_total":    func(s archiver.Stats) int64 { return s.Bytes },
		"archive_skipped_total":  func(s archiver.Stats) int64 { return s.Skipped },
	} {
		telemetry.Counter(b.registry, name, "Sealed and uploaded since the start; skipped are records that hold no entry.", func() float64 {
			return float64(count(b.archiver.Stats()))
		})
	}
}

// workers are the parts that read the stream or look after what others left.
func (b *bank) workers() []part {
	return []part{
		{"drainer", b.drainer.Run},
		{"balance", b.balanceProjector.Run},
		{"creditlimit", b.limitProjector.Run},
		{"archiver", b.archiveWorker.Run},
	}
}

// owner is the name of this start of the process among the holders of leases.
func owner(instance string) string {
	if instance == "" {
		instance = "bank-" + strconv.Itoa(os.Getpid())
		if host, err := os.Hostname(); err == nil {
			instance = host + "-" + strconv.Itoa(os.Getpid())
		}
	}
	return instance + "/" + uuid.NewString()
}
