package pebblestream

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"passbook/shared/stream"
)

func TestRecordRoundTrip(t *testing.T) {
	for _, n := range []int{1, 127, 128, 256, 1024} {
		r := stream.Record{PartitionKey: strings.Repeat("k", n), Data: []byte(strings.Repeat("d", n*3))}
		value := make([]byte, recordSize(r))
		putRecord(value, r, 42)
		arrived, key, data, err := cutRecord(value)
		if err != nil || arrived != 42 || string(key) != r.PartitionKey || string(data) != string(r.Data) {
			t.Errorf("key of %d: %d, %d, %d, %v", n, arrived, len(key), len(data), err)
		}
	}
}

// FuzzRecord gives damaged records to the reader.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("12345678\x03keydata"))
	f.Add([]byte("12345678\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("1234567"))
	f.Fuzz(func(t *testing.T, value []byte) {
		if _, key, data, err := cutRecord(value); err == nil && len(key)+len(data) > len(value)-9 {
			t.Fatalf("%d bytes of key and %d of data in %d", len(key), len(data), len(value))
		}
	})
}

// FuzzIterator gives random iterators to Get, and parses the text of valid ones.
func FuzzIterator(f *testing.F) {
	f.Add(cursor{at: shardKey{1, 2}, next: 3, made: time.UnixMicro(4)}.String())
	f.Add("AAAA")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text)
		if err != nil {
			if !errors.Is(err, stream.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := parseCursor(c.String())
		if err != nil || again.at != c.at || again.next != c.next || !again.made.Equal(c.made) {
			t.Fatalf("%+v becomes %+v, %v", c, again, err)
		}
	})
}

// FuzzSequence compares the parser of sequence numbers with the standard one.
func FuzzSequence(f *testing.F) {
	for _, seed := range []string{
		"1", "0", "", "01", "18446744073709551615", "18446744073709551616", strings.Repeat("9", 56), strings.Repeat("9", 57), "+1", "1_0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseSequence(text)
		want, bad := strconv.ParseUint(text, 10, 64)
		switch {
		case err != nil && !errors.Is(err, stream.ErrInvalid):
			t.Fatal(err)
		case err == nil && bad == nil && got != want:
			t.Fatalf("%q is %d", text, got)
		case err == nil && bad != nil && got != ^uint64(0):
			t.Fatalf("%q is %d, beyond the largest", text, got)
		case err != nil && bad == nil && want > 0 && text[0] != '0':
			t.Fatalf("%q is refused: %v", text, err)
		}
	})
}
