package stream

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckPut checks the records of a Put against the limits of the port, so that every adapter
// refuses the same calls with ErrInvalid.
func CheckPut(records []Record) error {
	if len(records) == 0 || len(records) > MaxPutRecords {
		return invalid("put of %d records, 1 to %d", len(records), MaxPutRecords)
	}
	total := 0
	for i, r := range records {
		if r.PartitionKey == "" || utf8.RuneCountInString(r.PartitionKey) > MaxPartitionKey || !utf8.ValidString(r.PartitionKey) {
			return invalid("record %d: partition key is not 1 to %d characters", i, MaxPartitionKey)
		}
		n := len(r.PartitionKey) + len(r.Data)
		if n > MaxRecordBytes {
			return invalid("record %d of %d bytes, at most %d", i, n, MaxRecordBytes)
		}
		total += n
	}
	if total > MaxPutBytes {
		return invalid("put of %d bytes, at most %d", total, MaxPutBytes)
	}
	return nil
}

// CheckGet checks the limit of a Get.
func CheckGet(limit int) error {
	if limit < 1 || limit > MaxGetRecords {
		return invalid("get of %d records, 1 to %d", limit, MaxGetRecords)
	}
	return nil
}

// CheckSequence checks the form of a sequence number.
func CheckSequence(s string) error {
	notDigit := func(r rune) bool { return r < '0' || r > '9' }
	if s == "" || len(s) > maxSequenceDigits || s[0] == '0' || strings.ContainsFunc(s, notDigit) {
		return invalid("sequence number %q", s)
	}
	return nil
}

// maxSequenceDigits is the most digits of a sequence number, which those of Kinesis have.
const maxSequenceDigits = 56

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}
