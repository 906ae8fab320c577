package replay_test

import (
	"bytes"
	"context"
	"errors"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/audit"
	"passbook/shared/event"
	"passbook/shared/replay"
	"passbook/shared/replay/spill"
	"passbook/shared/segment"
	"passbook/shared/stream"
)

// putOnly takes the entries that a repair publishes, of several accounts at once.
type putOnly struct {
	stream.Stream
	mu      sync.Mutex
	entries []*event.Entry
}

func (p *putOnly) Put(_ context.Context, _ string, records []stream.Record) ([]stream.PutResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range records {
		e, err := event.DecodeRecord(r.Data)
		if err != nil {
			return nil, err
		}
		p.entries = append(p.entries, e)
	}
	return make([]stream.PutResult, len(records)), nil
}

// retiring is a bank with a damaged archive, and the results of its programs.
type retiring struct {
	ruin
	bank *env
	want map[string][]byte
}

func newRetiring(t *testing.T) *retiring {
	r := &retiring{ruin: ruin{t: t, dir: t.TempDir()}, bank: newEnv(t), want: map[string][]byte{}}
	entries := archivetest.Bank(8, 12, 400)
	r.bank.archiveMarked(t, r.dir, entries)
	r.bank.commit(t, entries)
	states, _, err := ask(replay.StatesConfig{Bucket: r.bank.bucket, Time: r.far()}, t)
	r.check(err)
	for a, s := range states {
		r.want[a.ID] = account.AppendState(nil, s)
	}
	for i := range r.of {
		r.of[i] = archived(t, r.bank, []string{"s-0", "s-1", "s-2", "s-3"}[i])
	}
	return r
}

func (r *retiring) far() time.Time { return archivetest.Start.AddDate(1, 0, 0) }

// codes returns the exit codes of audit, at, journal and rebuild.
func (r *retiring) codes() [4]int {
	r.t.Helper()
	known := archive.Evidence{Since: archivetest.Start}
	_, audited := r.audit(nil)
	got, _, asked := ask(replay.StatesConfig{Bucket: r.bank.bucket, Time: r.far(), Evidence: known}, r.t)
	for a, s := range got {
		if !bytes.Equal(account.AppendState(nil, s), r.want[a.ID]) {
			r.t.Errorf("%s is given wrong: %+v", a, s)
		}
	}
	lost := newEnv(r.t)
	lost.bucket = r.bank.bucket
	restoring, rebuilding := lost.restoring(), lost.rebuilding()
	restoring.Evidence, rebuilding.Evidence = known, known
	restored, journalled := replay.RestoreJournal(r.t.Context(), restoring)
	_, rebuilt := replay.Rebuild(r.t.Context(), rebuilding)
	// codes returns the exit codes of audit, at, journal and rebuild.
	codes := [4]int{code(audited), code(asked), code(journalled), code(rebuilt)}
	if codes[1] == 0 && len(got) != len(r.want) || codes[2] == 0 && restored.Entries != 400 {
		r.t.Errorf("in silence %d accounts given, %d entries restored", len(got), restored.Entries)
	}
	return codes
}

// audited returns the exit code of an audit.
func (r *retiring) audited() int {
	_, err := r.audit(nil)
	return code(err)
}

func (r *retiring) audit(repair *audit.Repair) (*audit.Report, error) {
	return audit.Run(r.t.Context(), audit.Config{
		Table: r.bank.table, Accounts: r.bank.reader, Bucket: r.bank.bucket, Grace: time.Nanosecond, Repair: repair,
	})
}

// repair runs audit --repair, and an archiver that seals what it published behind a link; drop
// leaves out entries.
func (r *retiring) repair(behind segment.Link, drop int) (key string) {
	r.t.Helper()
	var to putOnly
	_, err := r.audit(&audit.Repair{Streams: &to, Stream: "events"})
	if code(err) != 3 || len(to.entries) <= drop {
		r.t.Fatalf("repair: %d entries, %v", len(to.entries), err)
	}
	name, err := segment.ParseKey(behind.Key)
	r.check(err)
	sequence, _ := new(big.Int).SetString(behind.Last, 10)
	w := segment.NewWriter(1, "", name.Source, behind)
	for i, e := range to.entries[drop:] {
		next := new(big.Int).Add(sequence, big.NewInt(int64(1000+i)))
		r.check(w.Append(segment.Record{Sequence: next.String(), Arrived: r.far().Add(time.Duration(i) * time.Second), Entry: e}))
	}
	sealed, err := w.Seal()
	r.check(err)
	r.check(r.bank.bucket.Create(r.t.Context(), sealed.Key, sealed.Data))
	return sealed.Key
}

func (r *retiring) link(key string) segment.Link {
	r.t.Helper()
	s, err := segment.Open(r.t.Context(), r.bank.bucket, key)
	r.check(err)
	return segment.Link{Key: key, Last: s.Footer.Last}
}

func (r *retiring) retire(key string, dry bool) (replay.RetireResult, error) {
	return replay.Retire(r.t.Context(), replay.RetireConfig{
		Bucket: r.bank.bucket, Journal: r.bank.reader, Evidence: archive.Evidence{Since: archivetest.Start}, Key: key, DryRun: dry, Limits: spill.Limits{Memory: 300 << 10},
	})
}

// retireCases are what can happen to a segment. The archiver continues behind a damaged newest one.
var retireCases = []struct {
	name   string
	at     int
	do     func(r *retiring, key string)
	behind int // the place of the segment that the next one is linked to
}{
	{"a lost middle one", 2, func(r *retiring, key string) { r.remove(key) }, 4},
	{"the oldest lost", 0, func(r *retiring, key string) { r.remove(key) }, 4},
	{"a damaged middle one", 2, func(r *retiring, key string) { r.change(key, flip(footerOf)) }, 4},
	{"a middle one with a damaged page", 2, func(r *retiring, key string) { r.change(key, flip(func([]byte) int { return 2000 })) }, 4},
	{"another under its name", 2, func(r *retiring, key string) { r.rewrite(func(rows []parquet.Row) []parquet.Row { return rows }) }, 4},
	{"the newest lost", 4, func(r *retiring, key string) { r.remove(key) }, 3},
	{"the newest damaged", 4, func(r *retiring, key string) { r.change(key, func(b []byte) []byte { return b[:len(b)/2] }) }, 4},
	{"the newest with a damaged page", 4, func(r *retiring, key string) { r.change(key, flip(func([]byte) int { return 2000 })) }, 4},
}

// After a repair and a retirement no program finds a difference any more, and all that is returned
// is right.
func TestRetire_EndsTheDifference(t *testing.T) {
	for _, c := range retireCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRetiring(t)
			key, behind := r.of[0][c.at], r.link(r.of[0][c.behind])
			c.do(r, key)
			if done, err := r.retire(key, false); code(err) != 3 || !strings.Contains(err.Error(), key) || done.Object != "" {
				t.Fatalf("retired before the repair: %+v, %v", done, err)
			}
			by := r.repair(behind, 0)
			dry, err := r.retire(key, true)
			if err != nil || dry.Object != "" || r.audited() != 3 {
				t.Fatalf("dry run: %+v, %v", dry, err)
			}
			done, err := r.retire(key, false)
			if err != nil || !slices.Contains(done.Replacing, by) || done.Entries < 2 || done.Entries != dry.Entries || done.Object == "" {
				t.Fatalf("retire: %+v, %v", done, err)
			}
			if got := r.codes(); got != [4]int{} {
				t.Errorf("retired: %v", got)
			}
			report, err := r.audit(nil)
			if err != nil || !slices.Equal(report.Retired, []string{key}) || report.Strays.Count != 0 {
				t.Errorf("audit: %v, strays %v, %v", report.Retired, report.Strays, err)
			}
			if again, err := r.retire(key, false); err != nil || !again.Before {
				t.Errorf("again: %+v, %v", again, err)
			}
		})
	}
}

// A retirement counts only while the replacing segment is there unchanged, and begins only when all
// of it is there.
func TestRetire_NeedsTheReplacingSegments(t *testing.T) {
	r := newRetiring(t)
	key, behind := r.middle(), r.link(r.of[0][4])
	r.remove(key)
	first := r.repair(behind, 1)
	done, err := r.retire(key, false)
	if code(err) != 3 || done.Faults.Count != 1 || !strings.Contains(err.Error(), "audit --repair") || done.Object != "" {
		t.Fatalf("one entry is lacking: %+v, %v", done, err)
	}
	if _, err := r.retire(r.of[1][1], false); !errors.Is(err, replay.ErrNotGap) {
		t.Errorf("a whole segment: %v", err)
	}
	key2 := r.repair(r.link(first), 0)
	if done, err = r.retire(key, false); err != nil || r.audited() != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	whole := r.read(key2)
	for name, ruin := range map[string]func(){
		"lost":    func() { r.remove(key2) },
		"altered": func() { r.change(key2, flip(func([]byte) int { return 100 })) },
		"another": func() { r.write(key2, r.read(r.of[1][1])) },
	} {
		ruin()
		plan, err := archive.LoadPlan(t.Context(), r.bank.bucket)
		r.check(err)
		named := slices.ContainsFunc(plan.Gaps, func(g archive.Gap) bool {
			return g.Key == key && strings.Contains(g.What, "its retirement is not valid") && strings.Contains(g.What, key2)
		})
		if !named || r.audited() != 3 {
			t.Errorf("replacement %s: %v", name, plan.Gaps)
		}
		r.write(key2, whole)
	}
	if r.audited() != 0 {
		t.Error("put back, the replacement does not count")
	}
	r.change(done.Object, func(b []byte) []byte { return bytes.Replace(b, []byte(`"version":`), []byte(`"version":1`), 1) })
	if r.audited() != 3 {
		t.Error("an altered retirement counts")
	}
	r.remove(done.Object)
	plan, err := archive.LoadPlan(t.Context(), r.bank.bucket)
	if err != nil || len(plan.Gaps) != 1 || plan.Gaps[0].Key != key {
		t.Errorf("%v, %v", plan.Gaps, err)
	}
}

// A replacing segment can be damaged and replaced too.
func TestRetire_AReplacementIsReplaced(t *testing.T) {
	r := newRetiring(t)
	key, behind := r.middle(), r.link(r.of[0][4])
	r.remove(key)
	by := r.repair(behind, 0)
	_, err := r.retire(key, false)
	r.check(err)
	behind = r.link(by)
	r.change(by, func(b []byte) []byte { return b[:len(b)/2] })
	r.repair(behind, 0)
	for _, key := range []string{by, key} {
		if _, err := r.retire(key, false); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.codes(); got != [4]int{} {
		t.Errorf("%v", got)
	}
}

// A journal that lacks what the archive has cannot show what a gap had.
func TestRetire_NeedsTheJournal(t *testing.T) {
	r := newRetiring(t)
	r.remove(r.middle())
	r.bank.reader = newEnv(t).reader
	if done, err := r.retire(r.middle(), false); code(err) != 3 || !strings.Contains(err.Error(), "ahead of the journal") {
		t.Fatalf("%+v, %v", done, err)
	}
}
