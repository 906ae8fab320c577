package endofday_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"passbook/shared/archivelog"
	"passbook/shared/endofday"
	"passbook/shared/endofday/endofdaytest"
	"passbook/shared/event"
	"passbook/shared/segment"
)

// dates are those on which the histories of the tests begin.
var dates = []string{"2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"}

// archived returns a bank with all records in segments of some, in the log.
func archived(t *testing.T, records []segment.Record, size int) *endofdaytest.Bank {
	t.Helper()
	b := endofdaytest.New(t, t.TempDir())
	for some := range slices.Chunk(records, size) {
		b.Segment(t, "s1", some...)
	}
	b.Log(t)
	return b
}

// lines returns those of the parts of a manifest.
func lines[T any](t *testing.T, b *endofdaytest.Bank, parts []endofday.Part) (all []T) {
	t.Helper()
	for _, p := range parts {
		part, err := endofday.ReadPart[T](t.Context(), b.Bucket, p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part...)
	}
	return all
}

// heads returns the last entry of each account that was recorded before a time.
func heads(records []segment.Record, before time.Time) map[string]*event.Entry {
	last := map[string]*event.Entry{}
	for _, r := range records {
		if r.Entry.RecordedAt.Before(before) {
			last[r.Entry.AccountID] = r.Entry
		}
	}
	return last
}

func TestEachDayHasWhatWasRecordedInIt(t *testing.T) {
	records := endofdaytest.History(1, 5, 80, 3)
	b := archived(t, records, 7)
	var counted int64
	var before endofday.Sealed
	for i, date := range dates {
		sealed := b.Seal(t, date, i == 0)
		last := heads(records, sealed.To)
		all := lines[endofday.Balance](t, b, sealed.Balances)
		if len(all) != len(last) || sealed.Accounts != int64(len(last)) || sealed.LateEntries != 0 {
			t.Fatalf("%s: %d accounts of %d: %+v", date, len(all), len(last), sealed.Manifest)
		}
		var posted int64
		for _, l := range all {
			e := last[l.Account]
			is := e.Events[len(e.Events)-1].After
			if l.Version != e.Last || l.Hash != e.Hash.String() || l.Posted != is.Posted || l.Held != is.Held || l.Limit != is.Limit || l.Currency != "EUR" {
				t.Errorf("%s: %+v, and the entry is v%d with %+v", date, l, e.Last, is)
			}
			posted += l.Posted
		}
		for _, l := range lines[endofday.Balance](t, b, sealed.Contras) {
			posted += l.Posted
		}
		trial := sealed.Trial[0]
		if posted != 0 || len(sealed.Trial) != 1 || trial.DebitBalances != trial.CreditBalances || trial.Debits != trial.Credits || trial.Opening+trial.Movement != trial.Closing {
			t.Errorf("%s: %+v, and all balances are %d", date, sealed.Trial, posted)
		}
		if i > 0 && (sealed.Previous != before.Sum() || trial.Opening != before.Trial[0].Closing || !sealed.From.Equal(before.To)) {
			t.Errorf("%s does not follow %s", date, dates[i-1])
		}
		counted += sealed.Entries
		before = sealed
	}
	if counted != int64(len(records)) {
		t.Errorf("%d of %d entries are counted", counted, len(records))
	}
}

// The first manifest begins with what was before it.
func TestTheFirstDayOpensWithWhatWasBeforeIt(t *testing.T) {
	records := endofdaytest.History(1, 5, 80, 3)
	b := archived(t, records, 7)
	all := archived(t, records, 7)
	for i, date := range dates[:3] {
		all.Seal(t, date, i == 0)
	}
	third := b.Seal(t, dates[2], true)
	same := all.Seal(t, dates[2], false)
	if third.Earlier == 0 || third.LateEntries != 0 || third.Previous != "" {
		t.Errorf("%+v", third.Manifest)
	}
	if third.Heads != same.Heads || !reflect.DeepEqual(third.Trial, same.Trial) || !reflect.DeepEqual(third.Totals, same.Totals) || third.Entries != same.Entries {
		t.Errorf("%+v\nis not\n%+v", third.Manifest, same.Manifest)
	}
}

func TestSealingAgainGivesTheSame(t *testing.T) {
	b := archived(t, endofdaytest.History(1, 5, 80, 3), 7)
	first := b.Seal(t, dates[0], true)
	object := b.Read(t, first.Key)
	again := b.Seal(t, dates[0], true)
	if !again.Before || again.Signed != first.Signed || string(object) != first.Signed {
		t.Errorf("%+v", again)
	}
	b.Remove(t, first.Key) // as if a crash had come before it
	made := b.Seal(t, dates[0], true)
	if made.Before || made.Signed != first.Signed {
		t.Errorf("%s\nis not\n%s", made.Signed, first.Signed)
	}
}

// Entries that came into the log after their day was sealed are in the next manifest, with the day
// that they are of.
func TestLateEntriesAreInTheNextManifest(t *testing.T) {
	records := endofdaytest.History(2, 4, 60, 2)
	late := func(r segment.Record) bool { return r.Entry.AccountID == "A-2" }
	on := slices.DeleteFunc(slices.Clone(records), late)
	came := slices.DeleteFunc(slices.Clone(records), func(r segment.Record) bool { return !late(r) })
	b := archived(t, on, 5)
	first := b.Seal(t, dates[0], true)
	b.Archive(t, "s2", came...)
	second := b.Seal(t, dates[1], false)
	var want []string
	var delta int64
	for _, r := range came {
		if r.Entry.RecordedAt.Before(first.To) {
			want = append(want, fmt.Sprintf("%s v%d %s", dates[0], r.Entry.First, r.Entry.Hash))
			delta = r.Entry.Events[len(r.Entry.Events)-1].After.Posted
		}
	}
	var listed []string
	for _, l := range lines[endofday.Late](t, b, second.Late) {
		listed = append(listed, fmt.Sprintf("%s v%d %s", l.Date, l.First, l.Hash))
		delta -= l.Delta
	}
	if len(want) == 0 || !slices.Equal(want, listed) || second.LateEntries != int64(len(want)) || delta != 0 {
		t.Fatalf("%v are listed, not %v; the rest of the delta is %d", listed, want, delta)
	}
	var moved int64
	for _, total := range second.Totals {
		if total.Date == dates[0] {
			moved += total.Delta
		}
	}
	trial := second.Trial[0]
	if moved != trial.Late || trial.Late == 0 || trial.Opening != first.Trial[0].Closing || trial.Opening+trial.Movement+trial.Late != trial.Closing {
		t.Errorf("late entries moved %d: %+v", moved, trial)
	}
	whole := archived(t, records, 5)
	whole.Seal(t, dates[0], true)
	if same := whole.Seal(t, dates[1], false); same.Heads != second.Heads || same.Trial[0].Closing != trial.Closing {
		t.Error("the day closes with something else than without the delay")
	}
}

// The accounts may be more than are kept at once, and then the same is made in several passes.
func TestAManifestDoesNotDependOnThePasses(t *testing.T) {
	records := endofdaytest.History(3, 40, 200, 2)
	b, few := archived(t, records, 20), archived(t, records, 20)
	for i, date := range dates[:2] {
		c := few.Config(date, i == 0)
		c.Accounts = 30
		parted, err := endofday.Seal(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		whole := b.Seal(t, date, i == 0)
		if len(parted.Balances) < 2 || len(whole.Balances) != 1 {
			t.Fatalf("%d and %d parts", len(parted.Balances), len(whole.Balances))
		}
		got, want := lines[endofday.Balance](t, few, parted.Balances), lines[endofday.Balance](t, b, whole.Balances)
		slices.SortFunc(got, func(a, b endofday.Balance) int { return strings.Compare(a.Account, b.Account) })
		if !slices.Equal(got, want) || !slices.Equal(lines[endofday.Segment](t, few, parted.Segments), lines[endofday.Segment](t, b, whole.Segments)) {
			t.Errorf("%v\nis not\n%v", got, want)
		}
		if !reflect.DeepEqual(parted.Trial, whole.Trial) || !reflect.DeepEqual(parted.Totals, whole.Totals) || !slices.Equal(parted.Contras, whole.Contras) {
			t.Errorf("%+v\nis not\n%+v", parted.Manifest, whole.Manifest)
		}
	}
}

// What is signed for one purpose cannot be used for another.
func TestAManifestIsNoCheckpoint(t *testing.T) {
	b := archived(t, endofdaytest.History(1, 5, 80, 3), 7)
	sealed := b.Seal(t, dates[0], true)
	if c, err := archivelog.OpenCheckpoint([]byte(sealed.Signed), b.Keys); err == nil {
		t.Errorf("a manifest is the checkpoint %+v", c)
	}
	for stored, err := range archivelog.Checkpoints(t.Context(), b.Bucket, b.Keys) {
		if err != nil {
			t.Fatal(err)
		}
		if m, err := endofday.Open(stored.Text, b.Keys); err == nil {
			t.Errorf("a checkpoint is the manifest %+v", m)
		}
	}
	for name, changed := range map[string]string{
		"date": strings.Replace(sealed.Signed, `"2026-03-01"`, `"2026-03-02"`, 1), "cut": sealed.Signed[:len(sealed.Signed)/2], "nothing": "",
	} {
		if _, err := endofday.Open([]byte(changed), b.Keys); err == nil {
			t.Errorf("%s: it is accepted", name)
		}
	}
	other := endofdaytest.New(t, t.TempDir())
	if _, err := endofday.Open([]byte(sealed.Signed), other.Keys); err == nil {
		t.Error("the key of another bank is accepted")
	}
}

func TestListNamesWhatIsNotTheBanks(t *testing.T) {
	b := archived(t, endofdaytest.History(1, 5, 80, 3), 7)
	for i, date := range dates {
		b.Seal(t, date, i == 0)
	}
	b.Write(t, endofday.Key(dates[1]), b.Read(t, endofday.Key(dates[0])))
	b.Write(t, "days/v1/manifests/_SUCCESS", nil)
	var got []string
	for stored, err := range endofday.List(t.Context(), b.Bucket, b.Keys) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(stored.Date, " ", stored.Err))
	}
	want := []string{"2026-03-01 <nil>", "2026-03-01 it is the manifest of 2026-03-01", "2026-03-03 <nil>", "2026-03-04 <nil>"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if _, err := endofday.Seal(t.Context(), b.Config(dates[1], false)); !errors.Is(err, endofday.ErrBroken) {
		t.Errorf("%v", err)
	}
}

// The form of the manifests is read forever.
func TestAManifestIsWrittenAsTheDocumentSays(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	m := endofday.Manifest{Format: 1, Bank: "b", Date: "2026-03-01", Zone: "UTC", Cutoff: "00:00", From: at, To: at.AddDate(0, 0, 1)}
	text, err := json.Marshal(m)
	if want := `{"format":1,"bank":"b","date":"2026-03-01","zone":"UTC","cutoff":"00:00","from":"2026-03-01T00:00:00Z","to":"2026-03-02T00:00:00Z",` +
		`"log":{"leaves":0,"root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"entries":0,"events":0,"earlier_entries":0,"late_entries":0,"late_events":0,` +
		`"accounts":0,"heads":"","trial_balance":null,"totals":null,"balances":null,"late":null,"contras":null,"segments":null,"sources":null}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}
