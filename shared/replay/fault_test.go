package replay

import (
	"testing"

	"passbook/shared/event"
)

// An account that is read again reports its faults again, those beyond the list too.
func TestForgottenFaultsAreNotCountedTwice(t *testing.T) {
	var found faultList
	again, other := event.Account{Tenant: "main", ID: "A-1"}, event.Account{Tenant: "main", ID: "A-2"}
	report := func() {
		for version := range int64(maxFaults + 500) {
			found.add(again, version+1, "damaged")
		}
	}
	report()
	found.add(other, 1, "damaged")
	found.forget(map[event.Account]bool{again: true})
	if got, err := found.result(); got.Count != 1 || err == nil {
		t.Fatalf("%d faults are left, and %v", got.Count, err)
	}
	report()
	if got, _ := found.result(); got.Count != maxFaults+501 || len(got.List) != maxFaults {
		t.Fatalf("%d faults, %d listed", got.Count, len(got.List))
	}
}
