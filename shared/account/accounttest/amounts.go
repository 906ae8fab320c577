package accounttest

import (
	"pgregory.net/rapid"

	"passbook/shared/money"
)

// Amounts are the amounts that a property is tried with, by name: such as meet often, and such as
// come to the end of what a number may be.
func Amounts() map[string]*rapid.Generator[int64] {
	return map[string]*rapid.Generator[int64]{
		"small": rapid.Int64Range(1, 120),
		"great": rapid.OneOf(rapid.SampledFrom([]int64{1, money.Max / 2, money.Max - 1, money.Max}), rapid.Int64Range(1, money.Max)),
	}
}
