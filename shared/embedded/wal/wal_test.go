package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// silent drops the messages of Pebble.
type silent struct{}

func (silent) Infof(string, ...any)              {}
func (silent) Errorf(string, ...any)             {}
func (silent) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// place is a chunk in a log.
type place struct {
	at, end int
	first   bool
}

// written is the log that a process left, and its chunks.
type written struct {
	text   []byte
	chunks []place
}

// write opens a database, commits to it, each commit synced before the next, kills or closes it,
// and returns its log. The first run writes the plain format of chunks, later ones that with the
// synced offset.
func write(t *testing.T, life int, closed bool) written {
	t.Helper()
	fs := vfs.NewMem()
	for i := range life {
		db, err := pebble.Open("db", &pebble.Options{FS: fs, FormatMajorVersion: pebble.FormatNewest, Logger: silent{}})
		if err != nil {
			t.Fatal(err)
		}
		for k := range 20 {
			size := 300
			if k%9 == 8 {
				size = 70_000 // over three blocks
			}
			if err := db.Set(fmt.Append(nil, "k", k), bytes.Repeat([]byte{byte(k)}, size), pebble.Sync); err != nil {
				t.Fatal(err)
			}
		}
		var text []byte
		if i == life-1 && !closed {
			text = read(t, fs)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if i < life-1 {
			continue
		}
		if text == nil {
			text = read(t, fs)
		}
		return written{text, walk(text)}
	}
	panic("no life")
}

// read returns the newest log.
func read(t *testing.T, fs vfs.FS) []byte {
	t.Helper()
	path, _, err := newest(fs, "db")
	if err != nil {
		t.Fatal(err)
	}
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// walk returns the chunks of an intact log.
func walk(text []byte) (chunks []place) {
	number := binary.LittleEndian.Uint32(text[numberAt:])
	s := &scan{file: bytes.NewReader(text), number: number}
	for {
		if more, err := s.load(); err != nil || !more {
			return chunks
		}
		for i := 0; i < s.n && !s.padding(i); {
			c, ok := s.chunk(i)
			if !ok {
				return chunks
			}
			chunks = append(chunks, place{int(s.base) + i, int(s.base) + c.end, c.first})
			i = c.end
		}
	}
}

// check calls Check on a log of these bytes.
func check(t *testing.T, text []byte) *Damage {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("db", 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := fs.Create(fmt.Sprintf("db/%06d.log", binary.LittleEndian.Uint32(text[numberAt:])), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	// Under the race detector Pebble's file system changes the bytes that it was given.
	if _, err := f.Write(bytes.Clone(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := Check(fs, "db")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// with returns the log with some of its bytes changed. The number in the first chunk, which gives
// the name of the log, stays.
func (w written) with(from, to int, change func([]byte)) []byte {
	text := bytes.Clone(w.text)
	change(text[from:to])
	return text
}

func flip(b []byte) { b[0] ^= 0x10 }

// lasting returns how many of the chunks belong to commits that others follow.
func (w written) lasting(closed bool) int {
	if closed {
		return len(w.chunks)
	}
	for i := len(w.chunks) - 1; ; i-- {
		if w.chunks[i].first {
			return i
		}
	}
}

// TestEveryDamageBeforeTheLastCommitIsFound flips one bit in each kind of place of each chunk, and
// loses sectors and pages.
func TestEveryDamageBeforeTheLastCommitIsFound(t *testing.T) {
	for life := 1; life <= 2; life++ {
		for _, closed := range []bool{false, true} {
			w := write(t, life, closed)
			if d := check(t, w.text); d != nil {
				t.Fatalf("life %d, closed %v: a log that is whole: %v", life, closed, d)
			}
			for i, c := range w.chunks[1:w.lasting(closed)] {
				for name, at := range map[string]int{
					"sum": c.at, "length": c.at + 4, "length, high": c.at + 5, "kind": c.at + kindAt, "number": c.at + numberAt,
					"number, high": c.at + numberAt + 3, "synced or payload": c.at + syncedAt, "payload": c.at + syncHeader, "end": c.end - 1,
				} {
					d := check(t, w.with(at, at+1, flip))
					if d == nil || d.At != int64(c.at) || d.Proof <= d.At || d.Size != int64(len(w.text)) {
						t.Errorf("life %d, closed %v, chunk %d of %d, %s: %v", life, closed, i+1, len(w.chunks), name, d)
					}
				}
				for _, lost := range []int{512, 4096} {
					from := (c.at + lost - 1) / lost * lost
					if last := w.chunks[w.lasting(closed)-1].end; from == 0 || from+lost > last {
						continue
					}
					if d := check(t, w.with(from, from+lost, func(b []byte) { clear(b) })); d == nil {
						t.Errorf("life %d, closed %v: %d bytes lost at %d are not found", life, closed, lost, from)
					}
				}
			}
		}
	}
}

// TestTornEndsAreNoDamage cuts the last commit off at each of its bytes, or keeps parts of it, also
// in a recycled file with the bytes of an older log.
func TestTornEndsAreNoDamage(t *testing.T) {
	for life := 1; life <= 2; life++ {
		w := write(t, life, false)
		last := w.chunks[w.lasting(false)]
		end := w.chunks[len(w.chunks)-1].end
		random := rand.New(rand.NewPCG(1, 2))
		for cut := last.at; cut < end; cut += 3 {
			old := written{text: bytes.Clone(w.text)}
			binary.LittleEndian.PutUint32(old.text[numberAt:], 1)
			for name, torn := range map[string][]byte{
				"cut":      w.text[:cut],
				"zeros":    append(bytes.Clone(w.text[:cut]), make([]byte, 3*blockSize)...),
				"lost":     w.with(last.at, cut+1, func(b []byte) { clear(b) }),
				"recycled": append(bytes.Clone(w.text[:cut]), renumbered(w, 1)[cut:]...),
				"garbage": w.with(cut, end, func(b []byte) {
					for i := range b {
						b[i] = byte(random.Uint32())
					}
				}),
			} {
				if d := check(t, torn); d != nil {
					t.Fatalf("life %d, %s at %d of %d: %v", life, name, cut, end, d)
				}
			}
		}
	}
}

// renumbered returns the log with another number, as an older log has it.
func renumbered(w written, number uint32) []byte {
	text := bytes.Clone(w.text)
	for _, c := range w.chunks {
		binary.LittleEndian.PutUint32(text[c.at+numberAt:], number)
		binary.LittleEndian.PutUint32(text[c.at:], sum(text[c.at+kindAt:c.end]))
	}
	return text
}

// A torn commit of several chunks may have its later chunks on the disk and not its first.
func TestPartsOfTheLastCommitAreNoProof(t *testing.T) {
	for life := 1; life <= 2; life++ {
		w := write(t, life, false)
		large := 0
		for i, c := range w.chunks {
			if !c.first {
				large = i - 1
				for !w.chunks[large].first {
					large--
				}
				end := i
				for end < len(w.chunks) && !w.chunks[end].first {
					end++
				}
				w.text, w.chunks = w.text[:w.chunks[end-1].end], w.chunks[:end]
				break
			}
		}
		c := w.chunks[large]
		if len(w.chunks)-large < 3 {
			t.Fatal("no commit of three chunks")
		}
		if d := check(t, w.with(c.at+syncHeader, c.at+syncHeader+1, flip)); d != nil {
			t.Errorf("life %d: %v", life, d)
		}
	}
}

func TestNoLog(t *testing.T) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("db", 0o700); err != nil {
		t.Fatal(err)
	}
	if d, err := Check(fs, "db"); d != nil || err != nil {
		t.Errorf("%v, %v", d, err)
	}
	if _, err := Check(fs, "nowhere"); err == nil {
		t.Error("looked into a directory that is not there")
	}
}
