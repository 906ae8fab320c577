package spill

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"sync"

	"github.com/klauspost/compress/s2"
)

// file is a scratch file without a name, made when the first block is written.
type file struct {
	dir string

	mu   sync.Mutex
	open *os.File
	end  int64
	room []byte
}

// block is where the file has a chunk. size is that in the file, sum a checksum of it.
type block struct {
	at   int64
	size int
	sum  uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// write appends a chunk.
func (f *file) write(chunk []byte) (block, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		err := f.create()
		if err != nil {
			return block{}, fmt.Errorf("scratch file: %w", err)
		}
	}
	if most := s2.MaxEncodedLen(len(chunk)); cap(f.room) < most {
		f.room = make([]byte, most)
	}
	packed := s2.Encode(f.room[:cap(f.room)], chunk)
	b := block{at: f.end, size: len(packed), sum: crc32.Checksum(packed, castagnoli)}
	_, err := f.open.WriteAt(packed, f.end)
	if err != nil {
		return block{}, fmt.Errorf("write %d bytes to a scratch file that has %d already: %w", len(packed), f.end, err)
	}
	f.end += int64(len(packed))
	return b, nil
}

// create makes the file, which only its owner may read, and removes its name at once.
func (f *file) create() error {
	made, err := os.CreateTemp(f.dir, "scratch-")
	if err != nil {
		return err
	}
	err = os.Remove(made.Name())
	if err != nil {
		return errors.Join(err, made.Close())
	}
	f.open = made
	return nil
}

// read returns the chunk of a block.
func (f *file) read(b block) ([]byte, error) {
	packed := make([]byte, b.size)
	_, err := f.open.ReadAt(packed, b.at)
	if err != nil {
		return nil, fmt.Errorf("read a scratch file: %w", err)
	}
	if crc32.Checksum(packed, castagnoli) != b.sum {
		return nil, errors.New("read a scratch file: it has not what was written to it: its disk may be damaged")
	}
	chunk, err := s2.Decode(nil, packed)
	if err != nil {
		return nil, fmt.Errorf("read a scratch file: %w", err)
	}
	return chunk, nil
}

func (f *file) close() error {
	if f.open == nil {
		return nil
	}
	err := f.open.Close()
	if err != nil {
		return fmt.Errorf("close a scratch file: %w", err)
	}
	return nil
}
