package event

import (
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// encZstd marks an entry whose commands and events are stored as zstd frames (RFC 8878).
const encZstd = "zstd"

// The encoder and the decoder are shared: EncodeAll and DecodeAll may be called concurrently, and
// each keeps a few workspaces, which a window of an entry's size keeps small.
var (
	compressor = sync.OnceValue(func() *zstd.Encoder {
		// The entry has a hash, so that a frame needs no checksum.
		e, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithWindowSize(MaxEntryBytes), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err)
		}
		return e
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxEntryBytes),
			zstd.WithDecoderMaxWindow(MaxEntryBytes))
		if err != nil {
			panic(err)
		}
		return d
	})
)

// compress returns one frame. Its bytes may differ between versions of the library; hashes never
// cover them.
func compress(data []byte) []byte { return compressor().EncodeAll(data, nil) }

// decompress appends the content of a frame, at most MaxEntryBytes of it.
func decompress(dst, frame []byte) ([]byte, error) {
	start := len(dst)
	out, err := decompressor().DecodeAll(frame, dst)
	if err != nil {
		return nil, err
	}
	if len(out)-start > MaxEntryBytes {
		return nil, errors.New("too large")
	}
	return out, nil
}
