package segment_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/shared/archive/archivetest"
	"passbook/shared/segment"
)

// walk reads everything at both depths, and counts the entries.
func walk(key string, data []byte) (int, error) {
	s, err := segment.Parse(key, data)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, depth := range []segment.Depth{segment.FoldOnly, segment.Exact} {
		n = 0
		for _, err := range s.Records(depth) {
			if err != nil {
				return n, err
			}
			n++
		}
	}
	return n, nil
}

// mustName fails unless err is of the kind and names the object.
func mustName(t *testing.T, err error, kind error, key string) {
	t.Helper()
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), key) {
		t.Fatalf("got %v, want %v that names %s", err, kind, key)
	}
}

func TestParse_RefusesATruncatedObject(t *testing.T) {
	sealed := seal(t, archivetest.Records(archivetest.Bank(2, 10, 200)), segment.Link{})
	for n := 0; n < len(sealed.Data); n += 1 + len(sealed.Data)/500 {
		_, err := walk(sealed.Key, bytes.Clone(sealed.Data[:n]))
		mustName(t, err, segment.ErrDamaged, sealed.Key)
	}
}

func TestParse_FindsEveryFlippedBit(t *testing.T) {
	records := archivetest.Records(archivetest.Bank(2, 10, 200))
	sealed := seal(t, records, segment.Link{})
	found := 0
	for bit := 0; bit < 8*len(sealed.Data); bit += 101 {
		data := bytes.Clone(sealed.Data)
		data[bit/8] ^= 1 << (bit % 8)
		n, err := walk(sealed.Key, data)
		switch {
		case err == nil && n != len(records):
			t.Fatalf("bit %d: %d entries and no error", bit, n)
		case err != nil && !errors.Is(err, segment.ErrDamaged) && !errors.Is(err, segment.ErrNewer):
			t.Fatalf("bit %d: %v", bit, err)
		case err != nil:
			found++
		}
	}
	// What may flip unseen is the page index, which nothing here reads.
	if flips := 8 * len(sealed.Data) / 101; found < flips*9/10 {
		t.Fatalf("only %d of %d flips were found", found, flips)
	}
}

// forge replaces a value of the footer by one of the same length, and corrects the footer's
// checksum.
func forge(t *testing.T, sealed segment.Sealed, key string, change func(value []byte)) []byte {
	t.Helper()
	data := bytes.Clone(sealed.Data)
	footer := data[len(data)-8-int(binary.LittleEndian.Uint32(data[len(data)-8:])):]
	value := func(key string) []byte {
		// A Thrift string: the next field's header, its length, its bytes.
		at := bytes.Index(footer, []byte("passbook."+key+"\x18")) + len("passbook."+key) + 1
		return footer[at+1 : at+1+int(footer[at])]
	}
	change(value(key))
	sum := value("sum")
	copy(sum, strings.Repeat("A", len(sum)))
	hash := sha256.Sum256(footer)
	base64.RawURLEncoding.Encode(sum, hash[:])
	return data
}

func TestParse_NamesANewerFormat(t *testing.T) {
	sealed := seal(t, archivetest.Records(archivetest.Bank(2, 3, 9)), segment.Link{})
	_, err := walk(sealed.Key, forge(t, sealed, "format", func(v []byte) { v[0] = '9' }))
	mustName(t, err, segment.ErrNewer, sealed.Key)
}

func TestParse_ComparesTheFooterWithTheRows(t *testing.T) {
	sealed := seal(t, archivetest.Records(archivetest.Bank(2, 3, 9)), segment.Link{})
	for _, key := range []string{"first_sequence", "last_sequence", "rows", "entries", "recorded_from", "recorded_to", "arrived_from", "arrived_to", "first_hash", "pages_sha256"} {
		data := forge(t, sealed, key, func(v []byte) {
			v[len(v)/2]++
			if key == "last_sequence" {
				v[0]--
			}
		})
		_, err := walk(sealed.Key, data)
		if !errors.Is(err, segment.ErrDamaged) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestParse_RefusesOtherObjects(t *testing.T) {
	sealed := seal(t, archivetest.Records(archivetest.Bank(2, 3, 9)), segment.Link{})
	other := strings.Replace(sealed.Key, "1000.parquet", "1001.parquet", 1)
	for name, data := range map[string][]byte{"empty": nil, "text": []byte("hello, world, this is not a segment"), "magic": []byte("PAR1\x00\x00\x00\x00PAR1"), "other name": sealed.Data} {
		_, err := walk(other, data)
		if err == nil {
			t.Fatalf("%s was accepted", name)
		}
		mustName(t, err, segment.ErrDamaged, other)
	}
	if _, err := segment.Parse("events/v1/readme.txt", sealed.Data); err == nil {
		t.Fatal("a key that is none was accepted")
	}
}

func FuzzParse(f *testing.F) {
	records := archivetest.Records(archivetest.Bank(2, 3, 9))
	sealed := seal(f, records, segment.Link{})
	flipped := bytes.Clone(sealed.Data)
	flipped[len(flipped)/2] ^= 0x10
	golden, err := os.ReadFile(filepath.Join("testdata", "v1.parquet"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{sealed.Data, sealed.Data[:len(sealed.Data)/2], flipped, golden, {}, []byte("PAR1PAR1")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := walk(sealed.Key, data)
		if err != nil && !errors.Is(err, segment.ErrDamaged) && !errors.Is(err, segment.ErrNewer) {
			t.Fatalf("an error of no kind: %v", err)
		}
	})
}
