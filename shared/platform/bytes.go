package platform

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is a size in bytes. Its text is a whole number and a unit: B, KiB, MiB or GiB; without a
// unit the number counts bytes. Libraries for sizes also take fractions and decimal units, which
// nobody should have to guess in a setting.
type Bytes int64

// byteUnits lists the units, the largest first.
var byteUnits = []struct {
	name string
	size Bytes
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// UnmarshalText reads a size such as 64MiB.
func (b *Bytes) UnmarshalText(text []byte) error {
	number, unit := string(text), Bytes(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || Bytes(n) > (1<<62)/unit {
		return fmt.Errorf("%q is not a size such as 64MiB", text)
	}
	*b = Bytes(n) * unit
	return nil
}

// String returns the size in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}
