package damages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"passbook/shared/archive"
	"passbook/shared/archive/archivetest"
	"passbook/shared/archive/forgetest"
	"passbook/shared/archivelog"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

// damage is one: what it does, and which readers have to say that something is wrong. A reader that
// gives states must give true ones, and all of them if it names nothing, whatever the damage.
type damage struct {
	do func(b *bank) (names []string) // what one of those who say something has to name
	by string                         // the readers that say something: a, j, r, c, v
}

// damages are beside those of package replay, whose archives have no log and one key.
var damages = map[string]damage{
	"the newest segment and its end marker removed": {by: "ajrcv", do: func(b *bank) []string {
		entries := b.entriesIn(b.newest("s-0"))
		b.remove(b.newest("s-0"))
		b.remove(b.markers("s-0")[0])
		return []string{nameOf(entries[0])}
	}},
	"the newest segment of each shard and all end markers removed": {by: "ajrcv", do: func(b *bank) []string {
		for shard := range b.keys {
			b.remove(b.newest(shard))
		}
		b.remove("ends")
		return []string{"missing"}
	}},
	"a shard removed with its end markers": {by: "ajrcv", do: func(b *bank) []string {
		b.remove(path.Dir(b.newest("s-1")))
		for _, key := range b.markers("s-1") {
			b.remove(key)
		}
		return []string{"/s-1 ends at its beginning", b.keys["s-1"][0] + ": it is missing"} // nothing names its accounts
	}},
	"a segment rolled back to fewer entries, with its end marker": {by: "ajrcv", do: func(b *bank) []string {
		return b.rollBack("s-0", 2)
	}},
	"a segment rolled back to fewer entries, the log's leaf with it": {by: "ajrcv", do: func(b *bank) []string {
		names := b.rollBack("s-0", 2)
		b.changeLeaf(b.newest("s-0"), b.read(b.newest("s-0")))
		return append(names, "others than the checkpoint in the copy")
	}},
	"all end markers removed": {do: func(b *bank) []string {
		b.remove("ends")
		return nil
	}},
	"the newest end markers removed": {do: func(b *bank) []string {
		b.remove(b.markers("s-0")[0])
		b.remove(b.markers("s-1")[0])
		return nil
	}},
	"the end markers of two shards swapped": {by: "ajrc", do: func(b *bank) []string {
		for _, key := range append(b.markers("s-0"), b.markers("s-1")...) {
			b.remove(key)
			other := strings.NewReplacer("/s-0/", "/s-1/", "/s-1/", "/s-0/").Replace(key)
			b.write(other, []byte{})
		}
		return nil
	}},
	"an end marker of a segment that never was": {by: "ajrc", do: func(b *bank) []string {
		s, err := segment.Open(b.t.Context(), b.bucket(), b.newest("s-0"))
		b.must(err)
		name := s.Name
		name.First, s.Footer.Last = s.Footer.Last+"0", s.Footer.Last+"1"
		b.must(archive.NewEndMarker(name, s.Footer, false).Write(b.t.Context(), b.bucket()))
		return []string{"end marker"}
	}},
	"an end marker with another sum": {by: "ajrc", do: func(b *bank) []string {
		s, err := segment.Open(b.t.Context(), b.bucket(), b.newest("s-0"))
		b.must(err)
		s.Footer.Sum[0] ^= 1
		b.remove(b.markers("s-0")[0])
		b.must(archive.NewEndMarker(s.Name, s.Footer, false).Write(b.t.Context(), b.bucket()))
		return []string{b.newest("s-0")}
	}},
	"a segment retired by somebody without a key": {by: "ajrcv", do: func(b *bank) []string {
		key := b.keys["s-0"][1]
		entries := b.entriesIn(key)
		b.remove(key)
		b.write("retired/v1/"+strings.TrimPrefix(key, "events/")+".json", fmt.Appendf(nil, `{"format":1,"key":%q}`, key))
		return []string{nameOf(entries[0])}
	}},
	"a segment of this bank under another incarnation of the stream": {do: func(b *bank) []string {
		key := b.keys["s-0"][1]
		b.write(strings.Replace(key, "passbook-events-", "passbook-events-1", 1), b.read(key))
		return nil
	}},
	"two segments of two shards swapped": {by: "ajrcv", do: func(b *bank) []string {
		x, y := b.read(b.keys["s-0"][1]), b.read(b.keys["s-1"][1])
		b.write(b.keys["s-0"][1], y)
		b.write(b.keys["s-1"][1], x)
		return []string{b.keys["s-0"][1]}
	}},
	"the last entry forged, the segment sealed again, and the log's leaf with it": {by: "ajrcv", do: func(b *bank) []string {
		of := b.forge("last entry sealed again under another key")
		return []string{of, "others than the checkpoint"}
	}},
	"an entry in the middle forged": {by: "ajrcv", do: func(b *bank) []string {
		return []string{b.forge("entry in the middle sealed again under another key")}
	}},
	"a history forged from the middle on": {by: "ajrcv", do: func(b *bank) []string {
		return []string{b.forge("chained again from the middle under another key")}
	}},
	"an amount changed under the true hash": {by: "ajrcv", do: func(b *bank) []string {
		return []string{b.forge("amount changed, hash and mac kept")}
	}},
	"an account made up": {by: "ajrcv", do: func(b *bank) []string {
		return []string{b.forge("account made up under another key")}
	}},
	"the newest checkpoints removed": {by: "v", do: func(b *bank) []string {
		for i, key := range b.under("log/v1/checkpoints/", "") {
			if i < 5 {
				b.remove(key)
			}
		}
		return []string{"the log was cut"}
	}},
	"the tiles of leaves removed": {by: "v", do: func(b *bank) []string {
		b.remove("log/v1/tile/entries")
		return []string{"the log cannot be read"}
	}},
	"the newest leaf left out": {by: "v", do: func(b *bank) []string {
		b.changeLeaves(func(lines [][]byte) [][]byte { return lines[:len(lines)-1] })
		return []string{"the log cannot be read"}
	}},
	"two leaves swapped": {by: "v", do: func(b *bank) []string {
		b.changeLeaves(func(lines [][]byte) [][]byte {
			lines[0], lines[1] = lines[1], lines[0]
			return lines
		})
		return []string{"others than the checkpoint that was kept signed"}
	}},
	"a leaf of an object that was not archived": {by: "v", do: func(b *bank) []string {
		b.changeLeaves(func(lines [][]byte) [][]byte {
			lines[1] = bytes.Replace(lines[1], []byte("/s-"), []byte("/x-"), 1)
			return lines
		})
		return []string{"it is missing"}
	}},
	"a key of the log of somebody else": {do: func(b *bank) []string {
		other := newBank(b.t, b.entries, 2, 8)
		b.write("log/v1/keys/1.json", other.read("log/v1/keys/1.json"))
		return nil // who verifies has the key from the bank, and not from the bucket
	}},
	"log and segments of another start of the same bank": {by: "v", do: func(b *bank) []string {
		other := newBank(b.t, b.entries, 2, 8)
		b.dir = other.dir
		return []string{"is not the bank's"}
	}},
	"another bank's segment in the next place": {by: "ajrc", do: func(b *bank) []string {
		other := b.sealedBy("another-bank", "s-0")
		b.write(other.Key, other.Data)
		return []string{other.Key}
	}},
}

// nameOf returns how an account and a version are named.
func nameOf(e *event.Entry) string { return fmt.Sprintf("%s v%d", e.Account(), e.First) }

// rollBack puts the newest segment of a shard back to its first entries, and its end marker.
func (b *bank) rollBack(shard string, n int) []string {
	b.t.Helper()
	key := b.newest(shard)
	s, err := segment.Open(b.t.Context(), b.bucket(), key)
	b.must(err)
	w := segment.NewWriter(2, eventtest.Bank, source(shard), s.Footer.Previous)
	var left *event.Entry
	for rec, err := range s.Records(segment.Exact) {
		b.must(err)
		if n--; n >= 0 {
			b.must(w.Append(rec))
		} else if left == nil {
			left = rec.Entry
		}
	}
	sealed, err := w.Seal()
	b.must(err)
	b.write(key, sealed.Data)
	b.remove(b.markers(shard)[0])
	b.must(archive.NewEndMarker(s.Name, sealed.Footer, false).Write(b.t.Context(), b.bucket()))
	return []string{nameOf(left)}
}

// sealedBy returns a segment of another bank that follows a shard's newest.
func (b *bank) sealedBy(of, shard string) segment.Sealed {
	b.t.Helper()
	w := segment.NewWriter(2, of, source(shard), b.links[shard])
	b.must(w.Append(segment.Record{Sequence: b.links[shard].Last + "0", Arrived: archivetest.Start, Entry: b.entries[0]}))
	sealed, err := w.Seal()
	b.must(err)
	return sealed
}

// forge forges the history of an account, seals the segments again, and has the log's leaves name
// them. It returns the account and version.
func (b *bank) forge(name string) string {
	b.t.Helper()
	history := slices.DeleteFunc(slices.Clone(b.entries), func(e *event.Entry) bool { return e.AccountID != "A-3" })
	all := forgetest.Forgeries(history)
	i := slices.IndexFunc(all, func(f forgetest.Forgery) bool { return f.Name == name })
	change, of, version := all[i].Forge(history)
	b.must(forgetest.Forger{Dir: b.dir, Bucket: b.bucket()}.Forge(b.t.Context(), change))
	for _, keys := range b.keys {
		for _, key := range keys {
			b.changeLeaf(key, b.read(key))
		}
	}
	return fmt.Sprintf("%s v%d", of, version)
}

// changeLeaf has the leaf of a segment name other bytes.
func (b *bank) changeLeaf(key string, data []byte) {
	b.t.Helper()
	s, err := segment.Parse(key, data)
	b.must(err)
	b.changeLeaves(func(lines [][]byte) [][]byte {
		for i, line := range lines {
			var leaf struct{ Key string }
			b.must(json.Unmarshal(line, &leaf))
			if leaf.Key == key {
				lines[i], err = json.Marshal(archivelog.LeafOf(key, data, s.Footer))
				b.must(err)
			}
		}
		return lines
	})
}

// changeLeaves changes the lines of the newest tile of leaves.
func (b *bank) changeLeaves(how func(lines [][]byte) [][]byte) {
	b.t.Helper()
	tiles := b.under("log/v1/tile/entries/", "")
	newest := slices.MaxFunc(tiles, func(x, y string) int { return len(b.read(x)) - len(b.read(y)) })
	lines := how(bytes.Split(bytes.TrimSuffix(b.read(newest), []byte("\n")), []byte("\n")))
	b.write(newest, append(bytes.Join(lines, []byte("\n")), '\n'))
}

// TestEachDamageIsNamedAndNothingIsSilentlyWrong does each damage to a copy of one archive.
func TestEachDamageIsNamedAndNothingIsSilentlyWrong(t *testing.T) {
	whole := newBank(t, archivetest.Signed(archivetest.Bank(5, 6, 90)), 2, 8)
	for name, d := range damages {
		t.Run(name, func(t *testing.T) {
			b := whole.copy(t)
			want := d.do(b)
			by, names := "", ""
			for _, reader := range []string{"at", "journal", "rebuild", "coverage", "verify"} {
				s := readers[reader](b, b.known(true))
				if s.differs() {
					by, names = by+reader[:1], names+s.names
				}
				for _, wrong := range s.wrong {
					t.Errorf("%s: %s", reader, wrong)
				}
			}
			if by != d.by {
				t.Errorf("said by %q, not %q:\n%s", by, d.by, names)
			}
			for _, part := range want {
				if !strings.Contains(names, part) {
					t.Errorf("%q is not in\n%s", part, names)
				}
			}
		})
	}
}
