package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"passbook/shared/event"
)

// The Parquet library trusts a footer. So the footer carries a checksum over its own bytes, which
// is checked before the library reads them: the SHA-256 of everything from the footer's first byte
// to the object's last, with blankSum in the place of the checksum.
const (
	sumKey     = metadataPrefix + "sum"
	footerTail = 8  // the footer's length and the trailing magic
	sumLength  = 43 // of unpadded base64
)

var blankSum = strings.Repeat("A", sumLength)

// footerOf returns the footer of a whole object, with its tail. It checks the magic at both ends.
func footerOf(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errors.New("the object is empty")
	}
	if len(data) < magicBytes+footerTail || string(data[:magicBytes]) != "PAR1" {
		return nil, errors.New("not a whole Parquet file")
	}
	length, err := footerLength(data, int64(len(data)))
	if err != nil {
		return nil, err
	}
	return data[int64(len(data))-length:], nil
}

// footerLength returns the length of the footer of an object of size bytes, with its tail. tail is
// the end of the object.
func footerLength(tail []byte, size int64) (int64, error) {
	if len(tail) < footerTail || string(tail[len(tail)-magicBytes:]) != "PAR1" {
		return 0, errors.New("not a whole Parquet file")
	}
	length := int64(binary.LittleEndian.Uint32(tail[len(tail)-footerTail:]))
	if length > size-magicBytes-footerTail {
		return 0, errors.New("the footer is longer than the object")
	}
	return length + footerTail, nil
}

// sealFooter writes the checksums into the blanks that the library left, and returns them.
func sealFooter(data []byte, format int) (pages, sum event.Hash, err error) {
	length, err := footerLength(data, int64(len(data)))
	if err != nil {
		return pages, sum, err
	}
	start := int64(len(data)) - length
	footer := data[start:]
	if format >= 2 {
		pages = sha256.Sum256(data[magicBytes:start])
		place, err := placeOf(footer, pagesKey)
		if err != nil {
			return pages, sum, err
		}
		copy(footer[place:], pages.String())
	}
	place, sum, err := footerSum(footer)
	if err != nil {
		return pages, sum, err
	}
	copy(footer[place:], sum.String())
	return pages, sum, nil
}

// checkFooter checks the checksum of a footer and returns it. Since other values of the footer may
// look like one, the caller compares it with the value that the library finds.
func checkFooter(footer []byte) (event.Hash, error) {
	place, sum, err := footerSum(footer)
	if err != nil {
		return sum, err
	}
	if string(footer[place:place+sumLength]) != sum.String() {
		return sum, errors.New("the footer does not match its checksum")
	}
	return sum, nil
}

// footerSum finds the place of the checksum in the footer and computes its value.
func footerSum(footer []byte) (place int, sum event.Hash, err error) {
	place, err = placeOf(footer, sumKey)
	if err != nil {
		return 0, sum, err
	}
	h := sha256.New()
	h.Write(footer[:place])
	h.Write([]byte(blankSum))
	h.Write(footer[place+sumLength:])
	return place, event.Hash(h.Sum(nil)), nil
}

// placeOf returns where the footer has the SHA-256 with a key. In Thrift's compact protocol the
// header of the next field and its length follow a string.
func placeOf(footer []byte, key string) (int, error) {
	name := key + "\x18" + string(rune(sumLength))
	at := bytes.LastIndex(footer, []byte(name))
	place := at + len(name)
	if at < 0 || place+sumLength > len(footer) {
		return 0, fmt.Errorf("the footer has no %s", key)
	}
	return place, nil
}
