package damages

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/eventtable"
	"passbook/shared/eventtable/check"
	"passbook/shared/eventtable/iceberg"
)

var (
	runs  = flag.Int("runs", 10, "how many archives TestCleanRuns reads")
	first = flag.Uint64("first", 1, "the seed of the first archive")
)

// An archive that is whole is read without a finding: of any histories, in one shard or several, in
// segments of any size, before and after the bank was switched to macs, and with repeats in it.
func TestCleanRuns(t *testing.T) {
	for seed := *first; seed < *first+uint64(*runs); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			entries, shards, each := random(seed)
			b := newBank(t, entries, shards, each)
			draw := rand.New(rand.NewPCG(seed, 1))
			if draw.IntN(2) == 0 { // published again later, in another shard
				from := draw.IntN(len(entries))
				again := archivetest.Records(entries)[from:min(len(entries), from+1+draw.IntN(20))]
				b.seal("s-again", slices.Clone(again))
				b.must(b.log.Append(t.Context()))
			}
			for name, reader := range readers {
				if s := reader(b, b.known(draw.IntN(2) == 0)); s.differs() || len(s.wrong) > 0 {
					t.Errorf("%s: %v, %v\n%s", name, s.err, s.wrong, s.names)
				}
			}
			b.cleanTable(draw)
		})
	}
}

// cleanTable makes an events table in two runs and checks it.
func (b *bank) cleanTable(draw *rand.Rand) {
	b.t.Helper()
	dir := b.t.TempDir()
	tables, err := dirbucket.New(dir)
	b.must(err)
	for range 2 {
		table, err := iceberg.Open(b.t.Context(), tables, "file://"+dir, 1+draw.IntN(3))
		b.must(err)
		added, err := eventtable.Run(b.t.Context(), eventtable.Config{Archive: b.bucket(), Table: table, Origin: b.proof, Events: 1 + draw.Int64N(200)})
		if err != nil || !added.OK() {
			b.t.Errorf("compact: %+v, %v", added, err)
		}
	}
	table, err := iceberg.Open(b.t.Context(), tables, "file://"+dir, 0)
	b.must(err)
	report, err := check.Run(b.t.Context(), check.Config{Archive: b.bucket(), Table: table, Origin: b.proof, Events: 1 + draw.Int64N(400)})
	if errors.Is(err, check.ErrDifference) || err == nil && len(report.Behind) > 0 {
		b.t.Errorf("check: %v\n%s", err, text(report.WriteText))
		return
	}
	b.must(err)
	if want := eventsOf(b); report.Events != want {
		b.t.Errorf("check: %d events, want %d", report.Events, want)
	}
}

func eventsOf(b *bank) (n int64) {
	for _, e := range b.entries {
		n += int64(len(e.Events))
	}
	return n
}
