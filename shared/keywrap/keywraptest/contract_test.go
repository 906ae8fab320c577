package keywraptest

import (
	"testing"

	"passbook/shared/contracttest"
)

func TestEachClauseQuotesThePort(t *testing.T) {
	contracttest.Quotes(t, func(yield func(name, sentence string) bool) {
		for _, c := range clauses {
			if !yield(c.name, c.sentence) {
				return
			}
		}
	}, "../keywrap.go", "../doc.go")
}
