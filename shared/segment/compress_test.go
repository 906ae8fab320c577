package segment

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go/compress/zstd"
)

// somePage returns a page of that size which can be compressed a little, with repetitions as far
// apart as the page is long.
func somePage(size int) []byte {
	var page []byte
	for i := 0; len(page) < size; i++ {
		page = fmt.Appendf(page, "account-%d;%x|", i*i%4999, i*2654435761)
	}
	return page[:size]
}

func TestPagesAreCompressedIntoTheBytesOfTheLibrary(t *testing.T) {
	for _, level := range []zstd.Level{zstd.SpeedFastest, zstd.SpeedDefault} {
		ours, library := &compressor{Codec: zstd.Codec{Level: level}}, &zstd.Codec{Level: level}
		for _, size := range []int{0, 1, 200, 1024, 1025, 128 << 10, 128<<10 + 1, 300_000, smallPage, smallPage + 1, 3 << 20} {
			page := somePage(size)
			got, err := ours.Encode(nil, page)
			want, wrong := library.Encode(nil, page)
			if err != nil || wrong != nil || !bytes.Equal(got, want) {
				t.Errorf("level %v, %d bytes: %d bytes, the library's are %d (%v, %v)", level, size, len(got), len(want), err, wrong)
			}
			if back, err := ours.Decode(nil, got); err != nil || !bytes.Equal(back, page) {
				t.Errorf("level %v, %d bytes do not come back: %v", level, size, err)
			}
		}
	}
}

// What a page needs is kept over garbage collections.
func TestCompressingAPageAfterACollectionTakesNoNewEncoder(t *testing.T) {
	c, page, dst := &compressor{Codec: zstd.Codec{Level: zstd.SpeedDefault}}, somePage(200_000), make([]byte, 0, 400_000)
	compress := func() (allocated uint64) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC() // a pool loses what it has in the second one
		runtime.ReadMemStats(&before)
		for range 4 {
			if _, err := c.Encode(dst, page); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	compress()
	if n := compress(); n > 100_000 {
		t.Errorf("%d bytes were allocated", n)
	}
}
