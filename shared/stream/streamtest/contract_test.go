package streamtest

import (
	"testing"

	"passbook/shared/contracttest"
)

func TestEachClauseQuotesThePort(t *testing.T) {
	contracttest.Quotes(t, func(yield func(name, sentence string) bool) {
		for _, c := range append(clauses(), fanOutClauses...) {
			if !yield(c.name, c.sentence) {
				return
			}
		}
	}, "../stream.go", "../subscriber.go", "../doc.go")
}
