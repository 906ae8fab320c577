package event

import (
	"reflect"
	"strings"
	"testing"
)

// An accepted record is written again as the same bytes, a compressed one as one of the same
// content.
func FuzzDecodeRecord(f *testing.F) {
	for _, name := range []string{
		"v1/record.json", "v1/record-zstd.json", "v1/header.json", "format2/record.json", "format2/record-zstd.json", "format2/header.json",
	} {
		f.Add(readGolden(f, name))
	}
	f.Add(seal(f, single()).Record)
	f.Add(seal(f, entryOf(1, sparse())).Record)
	f.Add([]byte(`{"format":3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, record := range [][]byte{data, rehashed(string(data))} {
			checkAccepted(t, record)
		}
	})
}

func checkAccepted(t *testing.T, record []byte) {
	e, err := DecodeRecord(record)
	if err != nil {
		if e != nil {
			t.Fatal("an entry and an error")
		}
		return
	}
	hash := e.Hash
	read, enc, err := e.Published()
	if err != nil {
		t.Fatalf("accepted, but not encoded: %v", err)
	}
	if read.Hash != hash {
		t.Fatal("the hash is another")
	}
	compressed := strings.Contains(string(record), `,"enc":"zstd",`)
	if !compressed && string(enc.Record) != string(record) {
		t.Fatalf("accepted %s\nencoded  %s", record, enc.Record)
	}
	if compressed && enc.Enc != encZstd || !compressed && enc.Enc == encZstd && !e.Signed() {
		t.Fatal("the rule of compression is broken")
	}
	again, err := DecodeRecord(enc.Record)
	if err != nil || !reflect.DeepEqual(again, e) {
		t.Fatalf("read again: %+v, %v", again, err)
	}
}

// A header that is accepted is written again as the same bytes.
func FuzzDecodeHeader(f *testing.F) {
	f.Add(readGolden(f, "v1/header.json"))
	f.Add(readGolden(f, "format2/header.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeHeader(data)
		if err != nil {
			return
		}
		if again := AppendHeader(nil, e); string(again) != string(data) {
			t.Fatalf("accepted %s\nwritten  %s", data, again)
		}
	})
}
