package segment_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"

	"passbook/shared/archive/archivetest"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

func signed(accounts, entries int) []segment.Record {
	return archivetest.Records(archivetest.Signed(archivetest.Bank(2, accounts, entries)))
}

var words = rapid.SampledFrom([]string{"", "a", "salary", `{"enc":"k1:eA"}`, `{"enc":"`, "Größe \"x\"\n", "h1", strings.Repeat("z", 60)})

func texts(t *rapid.T) event.Text {
	if rapid.Bool().Draw(t, "sealed") {
		return event.Text{Sealed: "k1:c2VhbGVk"}
	}
	return event.Text{Plain: words.Draw(t, "text")}
}

// anyBody draws an event of any type.
func anyBody(t *rapid.T) event.Body {
	n := rapid.Int64Range(1, 1<<53-1)
	amount, word := n.Draw(t, "amount"), words.Draw(t, "word")
	kind := func(of ...string) string { return rapid.SampledFrom(of).Draw(t, "kind") }
	when := time.UnixMicro(rapid.Int64Range(1, 4e15).Draw(t, "when")).UTC()
	return rapid.SampledFrom([]event.Body{
		event.AccountOpened{HolderRef: word, Exponent: 2, Product: word, CreditLimit: amount},
		event.MoneyCredited{Amount: amount, Kind: kind(event.KindDeposit, event.KindTransferIn), Contra: word, Reference: texts(t)},
		event.MoneyWithdrawn{Amount: amount, Kind: kind(event.KindCard, event.KindTransferOut), HoldID: kind("", "h3"), FromOwn: amount, FromCredit: 0},
		event.WithdrawalDeclined{Op: kind(event.OpHold, event.OpReversal), Amount: amount, Reason: event.InsufficientFunds, Available: 0, Limit: 0, Shortfall: amount},
		event.HoldPlaced{Amount: amount, Reference: texts(t), ExpiresAt: when},
		event.HoldCaptured{HoldID: "h2", Amount: amount, Remaining: 1, Final: false},
		event.HoldReleased{HoldID: "h7", Amount: amount, Reason: kind(event.ReasonVoid, event.ReasonExpired, event.ReasonCaptureRemainder)},
		event.TransactionReversed{OriginalTransactionID: "t1", Direction: kind(event.DirectionDebit, event.DirectionCredit), Amount: amount, Reason: texts(t), Forced: true},
		event.CreditLimitChanged{Before: amount, After: 0, Reason: texts(t), DecidedBy: word, Forced: true, ExpiredVersion: rapid.Int64Range(0, 3).Draw(t, "expired")},
		event.AccountFrozen{Scope: kind(event.ScopeAll, event.ScopeDebits), ReasonCode: word},
		event.AccountUnfrozen{ReasonCode: word},
		event.AccountClosed{ReasonCode: word},
	}).Draw(t, "body")
}

// anyEntries draws entries of a few accounts that keep the rules of entries, though no bank would
// make them: of both formats, with commands of any status and without keys, and with prevs that may
// not be those of the entry before.
func anyEntries(t *rapid.T) (entries []*event.Entry) {
	heads, next := map[string]event.Hash{}, map[string]int64{}
	for range rapid.IntRange(1, 12).Draw(t, "entries") {
		id := rapid.SampledFrom([]string{"A-1", "A-2", "b.3"}).Draw(t, "account")
		e := &event.Entry{
			Format: rapid.SampledFrom([]int{2, 2, 2, 1}).Draw(t, "format"), Tenant: "main", AccountID: id, First: next[id] + 1, Currency: "JPY",
			RecordedAt: archivetest.Start.Add(time.Duration(rapid.Int64Range(0, 1e6).Draw(t, "at")) * time.Microsecond), Prev: heads[id],
		}
		if e.First > 1 && rapid.IntRange(0, 4).Draw(t, "gap") == 0 { // as after entries of other segments
			e.First += 2
			e.Prev = sha256.Sum256([]byte(id))
		}
		version := e.First - 1
		for c := range rapid.IntRange(1, 3).Draw(t, "commands") {
			command := event.Command{
				Key: rapid.SampledFrom([]string{"", "k", "k2"}).Draw(t, "key"), Request: rapid.SampledFrom([]string{"", strings.Repeat("A", 22)}).Draw(t, "request"),
				CorrelationID: words.Draw(t, "correlation"), Actor: texts(t), First: version + 1, Status: rapid.SampledFrom([]int{200, 201, 422}).Draw(t, "status"),
			}
			for range rapid.IntRange(1, 3).Draw(t, "events") {
				version++
				ev := event.New(anyBody(t))
				ev.Version, ev.Command, ev.Currency, ev.RecordedAt, ev.EffectiveAt = version, c, e.Currency, e.RecordedAt, e.RecordedAt.Truncate(24*time.Hour)
				ev.After = event.After{Posted: rapid.Int64Range(-9, 9).Draw(t, "posted"), Held: 1, Limit: 2}
				e.Events = append(e.Events, ev)
			}
			command.Last = version
			e.Commands = append(e.Commands, command)
		}
		e.Last = version
		if _, err := event.Seal(e, eventtest.Keys); err != nil {
			t.Fatalf("seal: %v", err)
		}
		heads[id], next[id] = e.Hash, e.Last
		entries = append(entries, e)
	}
	return entries
}

// Whatever the entries are, a segment of format 2 gives each back byte for byte, with its mac, and
// what a fold needs of it.
func TestFormat2_GivesEveryEntryBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := archivetest.Records(anyEntries(t))
		w := segment.NewWriter(2, eventtest.Bank, source, segment.Link{})
		for _, r := range records {
			if err := w.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		sealed, err := w.Seal()
		if err != nil {
			t.Fatal(err)
		}
		s, err := segment.Parse(sealed.Key, sealed.Data)
		if err != nil || s.Footer != sealed.Footer {
			t.Fatalf("%v, footer %+v", err, s.Footer)
		}
		for _, depth := range []segment.Depth{segment.Exact, segment.FoldOnly} {
			i := 0
			for rec, err := range s.Records(depth) {
				if err != nil {
					t.Fatal(err)
				}
				want := records[i].Entry
				if rec.Entry.Format != want.Format || rec.Entry.Prev != want.Prev || rec.Entry.Hash != want.Hash || rec.Entry.MAC != want.MAC {
					t.Fatalf("entry %d: %+v, want %+v", i, rec.Entry, want)
				}
				if depth == segment.Exact {
					_, got, err := rec.Entry.Published()
					_, wanted, err2 := want.Published()
					if err != nil || err2 != nil || !bytes.Equal(got.Record, wanted.Record) {
						t.Fatalf("entry %d: %v, %v\n%s\n%s", i, err, err2, got.Record, wanted.Record)
					}
				}
				i++
			}
			if i != len(records) {
				t.Fatalf("%d records of %d", i, len(records))
			}
		}
	})
}

// Usually no entry needs its column: it follows from the others. The test's histories have changes
// of limits with a status that no program gives them.
func TestFormat2_LeavesOutWhatOtherColumnsHave(t *testing.T) {
	sealed := seal(t, signed(10, 500), segment.Link{})
	nulls, rows := int64(0), sealed.Footer.Rows
	for _, chunk := range open(t, sealed).Metadata().RowGroups[0].Columns {
		if chunk.MetaData.PathInSchema[0] == "entry" {
			nulls = chunk.MetaData.Statistics.NullCount
		}
	}
	if nulls < rows-rows/50 {
		t.Errorf("%d of %d rows have an entry column", rows-nulls, rows)
	}
}

func open(t *testing.T, sealed segment.Sealed) *parquet.File {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(sealed.Data), int64(len(sealed.Data)))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Engines of any age read these encodings and types.
func TestFormat2_HasPlainAndDictionaryOnly(t *testing.T) {
	for _, chunk := range open(t, seal(t, signed(10, 500), segment.Link{})).Metadata().RowGroups[0].Columns {
		for _, encoding := range chunk.MetaData.Encoding {
			if !slices.Contains([]format.Encoding{format.Plain, format.RLE, format.RLEDictionary}, encoding) {
				t.Errorf("%v has encoding %v", chunk.MetaData.PathInSchema, encoding)
			}
		}
		if chunk.MetaData.Type == format.FixedLenByteArray {
			t.Errorf("%v has a fixed length", chunk.MetaData.PathInSchema)
		}
	}
}

// large returns a segment of several row groups, with two entries of each account.
func large(t *testing.T, accounts int, id func(int) string, hash func(i, round int) event.Hash) segment.Sealed {
	t.Helper()
	template := archivetest.Signed(archivetest.Bank(1, 1, 1))[0]
	rows := int64(len(template.Events))
	w := segment.NewWriter(2, eventtest.Bank, source, segment.Link{})
	for n := range 2 * accounts {
		i, round := n%accounts, n/accounts
		e := *template
		e.AccountID, e.Hash, e.First, e.Last = id(i), hash(i, round), 1+rows*int64(round), rows*int64(round+1)
		e.Events, e.Commands = slices.Clone(e.Events), slices.Clone(e.Commands)
		for k := range e.Events {
			e.Events[k].Version += rows * int64(round)
		}
		for k := range e.Commands {
			e.Commands[k].First, e.Commands[k].Last = e.Commands[k].First+rows*int64(round), e.Commands[k].Last+rows*int64(round)
		}
		if round > 0 {
			e.Prev = hash(i, round-1)
		}
		if err := w.Append(segment.Record{Sequence: fmt.Sprint(n + 1), Arrived: archivetest.Start, Entry: &e}); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// In a segment of several row groups the filters find every account, and a walk of a few accounts
// gives each its prev, which is left out as long as the account's entry before it is remembered.
func TestFormat2_OfSeveralRowGroups(t *testing.T) {
	const accounts = 40_000
	id := func(i int) string { return fmt.Sprintf("account-%08d", i) }
	hash := func(i, round int) event.Hash { return sha256.Sum256(fmt.Append(nil, i, round)) }
	sealed := large(t, accounts, id, hash)
	groups := open(t, sealed).RowGroups()
	if len(groups) < 2 {
		t.Fatalf("%d row groups", len(groups))
	}
	hidden, found := 0, 0
	for i := range 2 * accounts {
		is := false
		for _, g := range groups {
			here, err := g.ColumnChunks()[1].BloomFilter().Check(parquet.ByteArrayValue([]byte(id(i))))
			if err != nil {
				t.Fatal(err)
			}
			is = is || here
		}
		if i < accounts && !is {
			hidden++
		}
		if i >= accounts && is {
			found++
		}
	}
	if hidden != 0 || found > accounts/20 {
		t.Errorf("%d of %d accounts are hidden, %d others found", hidden, accounts, found)
	}
	s, err := segment.Parse(sealed.Key, sealed.Data)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for rec, err := range s.RecordsOf(segment.FoldOnly, func(_, account string) bool { return strings.HasSuffix(account, "7") }) {
		if err != nil {
			t.Fatal(err)
		}
		i := kept%(accounts/10)*10 + 7
		if round := kept / (accounts / 10); rec.Entry.AccountID != id(i) || round > 0 && rec.Entry.Prev != hash(i, round-1) {
			t.Fatalf("entry %d: %+v", kept, rec.Entry)
		}
		kept++
	}
	if kept != accounts/5 {
		t.Errorf("%d entries", kept)
	}
}

func TestFormat2_FindsEveryFlippedBit(t *testing.T) {
	sealed := seal(t, signed(10, 200), segment.Link{})
	for bit := 0; bit < 8*len(sealed.Data); bit += 97 {
		data := bytes.Clone(sealed.Data)
		data[bit/8] ^= 1 << (bit % 8)
		if _, err := walk(sealed.Key, data); !errors.Is(err, segment.ErrDamaged) && !errors.Is(err, segment.ErrNewer) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
}

// resum makes the sums of a changed segment again, as everyone can who may write to the bucket.
func resum(data []byte) []byte {
	start := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	footer := data[start:]
	put := func(key string, sum [32]byte) {
		at := bytes.Index(footer, []byte("passbook."+key+"\x18")) + len("passbook."+key) + 2
		copy(footer[at:], base64.RawURLEncoding.EncodeToString(sum[:]))
	}
	put("pages_sha256", sha256.Sum256(data[4:start]))
	put("sum", [32]byte{})
	put("sum", sha256.Sum256(footer))
	return data
}

// Everyone who may write to the bucket can make all sums again, since none has a key. So what
// engines believe instead of reading rows is compared with the rows.
func TestFormat2_RefusesForgedIndexes(t *testing.T) {
	sealed := seal(t, signed(10, 200), segment.Link{})
	if _, err := walk(sealed.Key, resum(bytes.Clone(sealed.Data))); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	meta := open(t, sealed).Metadata().RowGroups[0].Columns
	account := meta[1]
	replace := func(from, to int64, old, with string) func([]byte) {
		return func(data []byte) {
			at := bytes.Index(data[from:to], []byte(old))
			if at < 0 {
				t.Fatalf("%q is not there", old)
			}
			copy(data[int(from)+at:], with)
		}
	}
	end := int64(len(sealed.Data))
	footer := end - 8 - int64(binary.LittleEndian.Uint32(sealed.Data[end-8:]))
	index := account.ColumnIndexOffset
	for name, change := range map[string]func(data []byte){
		"least in the page index":    replace(index, index+int64(account.ColumnIndexLength), "A-0", "A-3"),
		"greatest in the page index": replace(index, index+int64(account.ColumnIndexLength), "A-9", "A-8"),
		"filter": func(data []byte) {
			clear(data[account.MetaData.BloomFilterOffset+20:][:account.MetaData.BloomFilterLength-20])
		},
		"statistics of the column": replace(footer, end, "A-9", "A-8"),
		"size of a page in the offset index": func(data []byte) {
			at := account.OffsetIndexOffset + 3 // the offset, after the heads of list, struct and field
			for ; data[at]&0x80 != 0; at++ {
			}
			data[at+2] += 2
		},
	} {
		data := bytes.Clone(sealed.Data)
		change(data)
		if bytes.Equal(data, sealed.Data) {
			t.Errorf("%s: nothing changed", name)
		}
		_, err := walk(sealed.Key, resum(data))
		mustName(t, err, segment.ErrDamaged, sealed.Key)
	}
}

func TestFormat2_RefusesAForgedRoot(t *testing.T) {
	sealed := seal(t, signed(10, 200), segment.Link{})
	_, err := walk(sealed.Key, forge(t, sealed, "entries_root", func(v []byte) { v[0] ^= 1 }))
	mustName(t, err, segment.ErrDamaged, sealed.Key)
}

func TestFormat2_RefusesTheKeyOfAnotherFormat(t *testing.T) {
	sealed := seal(t, signed(10, 20), segment.Link{})
	key := strings.Replace(sealed.Key, "/v2/", "/v1/", 1)
	_, err := walk(key, sealed.Data)
	mustName(t, err, segment.ErrDamaged, key)
}

// A mac of other bytes is read as it is, since only the bank's key can judge it; one of another
// entry's format, or none, damages the entry.
func TestFormat2_NeedsABankAndAMac(t *testing.T) {
	records := signed(3, 9)
	w := segment.NewWriter(1, "", source, segment.Link{})
	if err := w.Append(records[0]); err == nil {
		t.Error("a segment of format 1 took a signed entry")
	}
	w = segment.NewWriter(2, "", source, segment.Link{})
	if err := w.Append(records[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Seal(); err == nil {
		t.Error("a segment of format 2 without a bank was sealed")
	}
	bare := *records[1].Entry
	bare.MAC = event.MAC{}
	records[1].Entry = &bare
	sealed := seal(t, records, segment.Link{})
	_, err := walk(sealed.Key, sealed.Data)
	mustName(t, err, segment.ErrDamaged, fmt.Sprintf("%s v%d", bare.AccountID, bare.First))
}

// merkle returns the root as RFC 6962 defines it, section 2.1, word for word.
func merkle(leaves [][]byte) [32]byte {
	if len(leaves) == 1 {
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := merkle(leaves[:k]), merkle(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func TestFormat2_TheRootIsThatOfRFC6962(t *testing.T) {
	entries := archivetest.Signed(archivetest.Bank(5, 4, 40))
	for n := 1; n <= len(entries); n++ {
		var leaves [][]byte
		for _, e := range entries[:n] {
			leaves = append(leaves, e.Hash[:])
		}
		if got := seal(t, archivetest.Records(entries[:n]), segment.Link{}).Footer.Root; got != merkle(leaves) {
			t.Fatalf("root of %d entries: %s", n, got)
		}
	}
}

// As in format 1: what is written once is read forever.
func TestFormat2_HasTheBytesOfItsFirstRelease(t *testing.T) {
	sealed := seal(t, archivetest.Records(archivetest.Signed(archivetest.Bank(42, 5, 60))), segment.Link{Key: "events/v1/before", Last: "999", Sum: event.Hash{7}})
	golden := filepath.Join("testdata", "v2.parquet")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, sealed.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := walk(sealed.Key, data); err != nil || n != 60 {
		t.Fatalf("golden segment: %d entries, %v", n, err)
	}
	if !bytes.Equal(data, sealed.Data) {
		t.Fatal("the same records give other bytes than the golden segment")
	}
}
