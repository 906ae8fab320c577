package segment

import (
	kzstd "github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// smallPage is how large a page may be for the encoder that a Writer keeps. Only a dictionary may
// be larger.
const smallPage = 1 << 20

// compressor compresses the pages of one Writer into the same bytes as the library's codec, which
// it uses for large ones. An encoder of that takes 16 MB for a page of more than 128 KB, and is
// lost in the next garbage collection.
type compressor struct {
	zstd.Codec
	kept *kzstd.Encoder // made by the first page
}

// Encode implements the library's interface of a codec.
func (c *compressor) Encode(dst, page []byte) ([]byte, error) {
	if len(page) > smallPage {
		return c.Codec.Encode(dst, page)
	}
	if c.kept == nil {
		var err error
		c.kept, err = kzstd.NewWriter(nil, kzstd.WithEncoderLevel(c.Level), kzstd.WithEncoderCRC(false), kzstd.WithZeroFrames(true),
			kzstd.WithWindowSize(smallPage), kzstd.WithLowerEncoderMem(true), kzstd.WithEncoderConcurrency(1))
		if err != nil {
			return nil, err
		}
	}
	return c.kept.EncodeAll(page, dst[:0]), nil
}
