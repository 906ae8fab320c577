package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"strconv"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Damage is a log with a part that was on disk and cannot be read.
type Damage struct {
	// File is the log's path.
	File string
	// At is the offset of the first chunk that cannot be read, Proof the offset of a chunk that was
	// written after it, Size the end of the file.
	At, Proof, Size int64
}

// Error describes the damage in one line.
func (d *Damage) Error() string {
	return fmt.Sprintf("the write-ahead log %s is damaged at byte %d of %d: later commits can be read from byte %d",
		d.File, d.At, d.Size, d.Proof)
}

// The format of Pebble's logs: blocks of 32 KiB with chunks that do not cross them. A chunk has a
// checksum (4 bytes), the length of its payload (2), its kind (1) and the number of its log (4);
// since format major version 22 also the offset up to which the log was synced (8).
const (
	blockSize     = 32 << 10
	plainHeader   = 11
	syncHeader    = 19
	plainFull     = 5 // whole; then the first, a middle and the last of several
	plainFirst    = 6
	syncFull      = 9 // likewise
	syncFirst     = 10
	syncLast      = 12
	kindAt        = 6
	numberAt      = 7
	syncedAt      = 11
	castagnoliAdd = 0xa282ead8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// logName matches the name of a log; other files are ignored.
var logName = regexp.MustCompile(`^([0-9]+)\.log$`)

// newest returns the path and the number of the newest log of a Pebble directory; "" if there is
// none.
func newest(fs vfs.FS, dir string) (path string, number uint64, err error) {
	names, err := fs.List(dir)
	if err != nil {
		return "", 0, fmt.Errorf("list logs: %w", err)
	}
	for _, name := range names {
		m := logName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		if n, err := strconv.ParseUint(m[1], 10, 64); err == nil && (path == "" || n > number) {
			path, number = fs.PathJoin(dir, name), n
		}
	}
	return path, number, nil
}

// Check returns the Damage of the newest log of a Pebble directory that is not open, or nil if
// nothing proves damage. It returns an error if the log cannot be read at all.
func Check(fs vfs.FS, dir string) (*Damage, error) {
	path, number, err := newest(fs, dir)
	if err != nil || path == "" {
		return nil, err
	}
	f, err := fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	info, err := f.Stat()
	var found *Damage
	if err == nil {
		s := &scan{file: f, number: uint32(number)} //nolint:gosec // the format keeps the low 32 bits
		found, err = s.run()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read log %s: %w", path, err)
	}
	if found != nil {
		found.File, found.Size = path, info.Size()
	}
	return found, nil
}

// scan reads one log, block by block.
type scan struct {
	file   io.Reader
	number uint32
	block  [blockSize]byte
	// base is the offset of the block, n how many of its bytes exist.
	base int64
	n    int
}

// load reads the next block and reports whether there is one.
func (s *scan) load() (bool, error) {
	s.base += int64(s.n)
	n, err := io.ReadFull(s.file, s.block[:])
	s.n = n
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n > 0, err
}

// run reads chunks until one cannot be read, for which it looks for proof, or until the log ends.
func (s *scan) run() (*Damage, error) {
	for {
		more, err := s.load()
		if err != nil || !more {
			return nil, err
		}
		i := 0
		for i < s.n && !s.padding(i) {
			if s.trailer(i) {
				return nil, nil
			}
			c, ok := s.chunk(i)
			if !ok {
				return s.prove(i)
			}
			i = c.end
		}
	}
}

// prove looks behind the bad chunk at i for a chunk that was written after it had been synced.
func (s *scan) prove(i int) (*Damage, error) {
	d := &Damage{At: s.base + int64(i)}
	for i++; ; i = 0 {
		for ; i < s.n; i++ {
			if c, ok := s.chunk(i); ok && c.proves(d.At) || s.trailer(i) {
				d.Proof = s.base + int64(i)
				return d, nil
			}
		}
		if more, err := s.load(); err != nil || !more {
			return nil, err
		}
	}
}

// padding reports whether the block has only filling from i: Pebble writes zeros where a chunk does
// not fit.
func (s *scan) padding(i int) bool {
	rest := s.block[i:s.n]
	switch left := blockSize - i; {
	case left < numberAt:
		return true
	case left < plainHeader && len(rest) >= numberAt:
		rest = rest[:numberAt]
	case left >= syncHeader:
		return false
	}
	for _, b := range rest {
		if b != 0 {
			return false
		}
	}
	return true
}

// trailer reports whether the log ends regularly at i, with a header of the next log.
func (s *scan) trailer(i int) bool {
	if i+plainHeader > s.n {
		return false
	}
	h := s.block[i : i+plainHeader]
	return binary.LittleEndian.Uint32(h) == 0 && binary.LittleEndian.Uint16(h[4:]) == 0 && h[kindAt] == plainFull &&
		binary.LittleEndian.Uint32(h[numberAt:]) == s.number+1
}

// chunk is a chunk that was read completely.
type chunk struct {
	end int
	// first reports whether it begins a commit. synced is the offset up to which the log was on
	// disk before the chunk was written, 0 if its format does not have it.
	first  bool
	synced int64
}

// proves reports whether the chunk was written after the chunk at the offset had been synced: it
// says so itself, or it begins a commit. A later part of a commit proves nothing about an earlier
// part.
func (c chunk) proves(at int64) bool { return c.first || c.synced > at }

// chunk reads the chunk at i, and reports whether it is a complete one of this log.
func (s *scan) chunk(i int) (chunk, bool) {
	if i+plainHeader > s.n {
		return chunk{}, false
	}
	h, kind := s.block[i:s.n], s.block[i+kindAt]
	header := plainHeader
	if kind >= syncFull {
		header = syncHeader
	}
	if kind < plainFull || kind > syncLast || binary.LittleEndian.Uint32(h[numberAt:]) != s.number {
		return chunk{}, false
	}
	length := header + int(binary.LittleEndian.Uint16(h[4:]))
	if length > len(h) || sum(h[kindAt:length]) != binary.LittleEndian.Uint32(h) {
		return chunk{}, false
	}
	c := chunk{end: i + length, first: kind == plainFull || kind == plainFirst || kind == syncFull || kind == syncFirst}
	if header == syncHeader {
		c.synced = int64(binary.LittleEndian.Uint64(h[syncedAt:])) //nolint:gosec // an offset in a file
	}
	return c, true
}

// sum returns the checksum that Pebble computes.
func sum(b []byte) uint32 {
	crc := crc32.Checksum(b, castagnoli)
	return (crc>>15 | crc<<17) + castagnoliAdd
}

// Cut ends a damaged log at the damage, durably, so that Pebble opens what comes before it. The
// rest is lost, so callers keep a copy.
func Cut(fs vfs.FS, d *Damage) error {
	f, err := fs.OpenReadWrite(d.File, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("cut log: %w", err)
	}
	// A log has zeros behind its end. The interface of the file system cannot shorten a file.
	zeros := make([]byte, blockSize)
	for at := d.At; at < d.Size && err == nil; at += blockSize {
		_, err = f.WriteAt(zeros[:min(blockSize, d.Size-at)], at)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("cut log %s: %w", d.File, err)
	}
	return nil
}
