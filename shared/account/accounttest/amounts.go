package accounttest

import (
	"pgregory.net/rapid"

	"passbook/shared/money"
)

// Amounts returns the generators of amounts that a property is tested with, by name: small ones,
// which collide often, and ones at the end of the range.
func Amounts() map[string]*rapid.Generator[int64] {
	return map[string]*rapid.Generator[int64]{
		"small": rapid.Int64Range(1, 120),
		"great": rapid.OneOf(rapid.SampledFrom([]int64{1, money.Max / 2, money.Max - 1, money.Max}), rapid.Int64Range(1, money.Max)),
	}
}
