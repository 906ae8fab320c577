package verify_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/archivelog/verify"
	"passbook/shared/event/eventtest"
	"passbook/shared/segment"
)

const (
	tileOfSix       = "log/v1/tile/entries/000.p/6"
	checkpointOfSix = "log/v1/checkpoints/99999999/9993.txt"
)

func TestAWholeCopyIsProven(t *testing.T) {
	c, records := archived(t)
	for accounts, parts := range map[int]int{0: 1, 5: 1, 3: 2} {
		r, err := c.verify(accounts)
		if err != nil || r.Count > 0 || r.Unlogged.Count > 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		var events int64
		for _, rec := range records {
			events += int64(len(rec.Entry.Events))
		}
		if r.Segments != 6 || r.Entries != 24 || r.Events != events || r.Accounts != 5 || r.Kept.Size != 4 || r.Newest.Size != 6 || r.Bank != eventtest.Bank {
			t.Errorf("%+v", r)
		}
		if r.Parts < parts {
			t.Errorf("with room for %d accounts they were read in %d parts", accounts, r.Parts)
		}
	}
}

// secondOf returns the index of the second entry of an account that is not the first record of a
// segment, and has one after it in a later segment.
func secondOf(t *testing.T, records []segment.Record) int {
	t.Helper()
	for i, r := range records {
		follows := slices.ContainsFunc(records[min((i/4+1)*4, len(records)):], func(l segment.Record) bool { return l.Entry.Prev == r.Entry.Hash })
		if r.Entry.First > 1 && i%4 > 0 && follows {
			return i
		}
	}
	t.Fatal("no such entry")
	return 0
}

// remade returns the records with one entry changed or left out, and the chain after it made again.
func remade(records []segment.Record, at int, leaveOut bool) []segment.Record {
	made := slices.Clone(records)
	if leaveOut {
		made[at].Entry = nil
	} else {
		entry := *records[at].Entry
		entry.Currency = "USD"
		entry.Events = slices.Clone(entry.Events)
		for i := range entry.Events {
			entry.Events[i].Currency = "USD"
		}
		made[at].Entry = &entry
	}
	for i := range made {
		if made[i].Entry != nil {
			again := archivetest.Signed(entriesOf(made[:i+1]))
			made[i].Entry = again[len(again)-1]
		}
	}
	return made
}

// damages change a copy and return what the report has to say.
type damages map[string]func(t *testing.T, c *copied, records []segment.Record) []string

func (all damages) areNamed(t *testing.T) {
	for name, damage := range all {
		t.Run(name, func(t *testing.T) {
			c, records := archived(t)
			want := damage(t, c, records)
			r, err := c.verify(0)
			if !errors.Is(err, verify.ErrDifference) || r == nil || r.Count == 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			var text strings.Builder
			if err := r.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			for _, part := range want {
				if !strings.Contains(text.String(), part) {
					t.Errorf("%q is not in\n%s", part, text.String())
				}
			}
		})
	}
}

func TestEachDamageOfASegmentIsNamed(t *testing.T) {
	damages{
		"a forged entry, sealed again": func(t *testing.T, c *copied, records []segment.Record) []string {
			at := secondOf(t, records)
			forged := remade(records, at, false)
			key := c.segments[at/4].Key
			c.write(key, seal(t, c.bank, "s1", append(slices.Clone(records[:at]), append(slices.Clone(forged[at:at+1]), records[at+1:]...)...))[at/4].Data)
			return []string{key + ": it is not what was signed", "prev is not the hash"}
		},
		"an entry left out, and the chain made again": func(t *testing.T, c *copied, records []segment.Record) []string {
			at := secondOf(t, records)
			e := records[at].Entry
			for i, s := range seal(t, c.bank, "s1", remade(records, at, true)) {
				c.write(s.Key, s.Data)
				if i > at/4 && string(s.Data) == string(c.segments[i].Data) {
					t.Fatal("nothing was made again")
				}
			}
			return []string{
				c.segments[at/4].Key + ": it is not what was signed",
				fmt.Sprintf("%s v%d: missing up to v%d", e.Account(), e.First, e.Last),
			}
		},
		"another currency under the true hash": func(t *testing.T, c *copied, records []segment.Record) []string {
			at := secondOf(t, records)
			forged := remade(records, at, false)[at]
			forged.Entry.Hash = records[at].Entry.Hash
			changed := slices.Clone(records)
			changed[at] = forged
			c.write(c.segments[at/4].Key, seal(t, c.bank, "s1", changed)[at/4].Data)
			e := forged.Entry
			return []string{c.segments[at/4].Key + ": it is not what was signed", fmt.Sprintf("%s: %s v%d: ", c.segments[at/4].Key, e.Account(), e.First)}
		},
		"a damaged page": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			data := c.read(c.segments[2].Key)
			data[len(data)/3] ^= 1
			c.write(c.segments[2].Key, data)
			return []string{c.segments[2].Key + ": it is not what was signed", c.segments[2].Key + ": damaged", "missing up to"}
		},
		"a segment rolled back": func(t *testing.T, c *copied, records []segment.Record) []string {
			w := segment.NewWriter(2, c.bank, segment.Source{Stream: "events", Created: archivetest.Start, Shard: "s1"}, segment.Link{})
			if err := w.Append(records[4]); err != nil {
				t.Fatal(err)
			}
			sealed, err := w.Seal()
			if err != nil {
				t.Fatal(err)
			}
			c.write(c.segments[1].Key, sealed.Data)
			e := records[5].Entry
			return []string{c.segments[1].Key + ": it is not what was signed", "it has ", fmt.Sprintf("%s v%d: missing", e.Account(), e.First)}
		},
		"a segment removed": func(_ *testing.T, c *copied, records []segment.Record) []string {
			c.remove(c.segments[1].Key)
			e := records[5].Entry
			return []string{c.segments[1].Key + ": it is missing", fmt.Sprintf("%s v%d: missing", e.Account(), e.First)}
		},
		"two segments with each other's name": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			a, b := c.segments[1], c.segments[2]
			c.write(a.Key, b.Data)
			c.write(b.Key, a.Data)
			return []string{a.Key + ": it is not what was signed", b.Key + ": it is not what was signed"}
		},
	}.areNamed(t)
}

func TestEachDamageOfTheLogIsNamed(t *testing.T) {
	damages{
		"a leaf changed": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			c.write(tileOfSix, []byte(strings.Replace(string(c.read(tileOfSix)), `"entries":4`, `"entries":3`, 1)))
			return []string{
				"the first 4 leaves of the log are others than the checkpoint that was kept signed", "the first 6 leaves of the log are others than the checkpoint in the copy",
				c.segments[0].Key + ": it has",
			}
		},
		"a leaf twice": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			lines := strings.SplitAfter(string(c.read(tileOfSix)), "\n")
			lines[4] = lines[0]
			c.write(tileOfSix, []byte(strings.Join(lines, "")))
			return []string{c.segments[0].Key + ": it is in the log twice, as leaves 0 and 4", "the first 6 leaves", "not in the log: " + c.segments[4].Key}
		},
		"a leaf of a newer release": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			c.write(tileOfSix, []byte(strings.Replace(string(c.read(tileOfSix)), `"kind":"segment"`, `"kind":"day"`, 1)))
			return []string{`leaf 0 of the log: a leaf of kind "day", which a newer program wrote`}
		},
		"a log cut behind the kept checkpoint": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			for _, key := range []string{checkpointOfSix, "log/v1/checkpoints/99999999/9994.txt", "log/v1/checkpoints/99999999/9995.txt"} {
				c.remove(key)
			}
			return []string{"the log was cut: the newest checkpoint in the copy is of 3 leaves, and the one that was kept of 4", "not in the log: " + c.segments[5].Key}
		},
		"no leaves": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			c.remove("log/v1/tile")
			return []string{"the log cannot be read after 0 of 6 leaves"}
		},
		"no log": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			c.remove("log/v1")
			return []string{"the newest checkpoint in the copy is of 0 leaves", "the log cannot be read after 0 of 4 leaves"}
		},
		"a checkpoint replaced": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			c.write(checkpointOfSix, []byte(strings.Replace(string(c.read(checkpointOfSix)), "\n6\n", "\n7\n", 1)))
			return []string{checkpointOfSix + " is not the bank's", "not in the log: " + c.segments[5].Key}
		},
		"an older checkpoint in the place of the newest": func(_ *testing.T, c *copied, _ []segment.Record) []string {
			c.write(checkpointOfSix, c.kept)
			return []string{checkpointOfSix + " is not the bank's: it is the checkpoint of 4 leaves"}
		},
		"another history, signed with the bank's key": func(t *testing.T, c *copied, records []segment.Record) []string {
			for _, key := range []string{"events", "log/v1/tile", "log/v1/checkpoints"} {
				c.remove(key)
			}
			c.begin()
			c.add(seal(t, c.bank, "s1", remade(records, secondOf(t, records), true))...)
			return []string{"the first 4 leaves of the log are others than the checkpoint that was kept signed"}
		},
		"the log of another bank": func(t *testing.T, c *copied, records []segment.Record) []string {
			other := newCopy(t, "2b0a7f5e-0f0c-4a6e-9a53-0c6f4e1a7b11")
			other.add(seal(t, other.bank, "s1", records)...)
			c.dir = other.dir
			return []string{"is not the bank's", "the first 4 leaves", "it is of bank " + other.bank}
		},
	}.areNamed(t)
}

// A checkpoint that the key did not sign proves nothing.
func TestACheckpointOfSomebodyElseIsRefused(t *testing.T) {
	c, records := archived(t)
	other := newCopy(t, eventtest.Bank)
	other.add(seal(t, other.bank, "s1", records)...)
	other.keep()
	for name, kept := range map[string][]byte{
		"another key": other.kept, "changed": []byte(strings.Replace(string(c.kept), "\n4\n", "\n3\n", 1)), "none": nil,
	} {
		c.kept = kept
		if _, err := c.verify(0); !errors.Is(err, verify.ErrDifference) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is newer than the newest checkpoint, and what somebody put there, is named and no damage.
func TestWhatIsNotInTheLogIsListed(t *testing.T) {
	c, records := archived(t)
	more := seal(t, c.bank, "s2", records[:4])[0]
	c.write(more.Key, more.Data)
	c.write("events/v2/_SUCCESS", nil)
	r, err := c.verify(0)
	if err != nil || r.Unlogged.Count != 2 || !strings.HasPrefix(r.Unlogged.List[1], more.Key+": its records arrived up to 2026-03-01T08:00:00Z") {
		t.Errorf("%+v, %v", r, err)
	}
}
