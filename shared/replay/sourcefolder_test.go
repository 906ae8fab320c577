package replay

import (
	"testing"

	"passbook/shared/archive"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/event"
	"passbook/shared/event/eventtest"
	"passbook/shared/origin"
)

// A foreign entry is no measure of those after it.
func TestSourceFolderDoesNotFollowForeignEntries(t *testing.T) {
	disk, err := dirbucket.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := event.Account{Tenant: "main", ID: "A-1"}
	m := origin.NewManifest(disk, eventtest.Bank, 2, eventtest.Keys)
	if err := m.Add(t.Context(), origin.Head{Account: a, Version: 1, Hash: event.Hash{1}}); err != nil {
		t.Fatal(err)
	}
	sum, err := m.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heads, err := origin.LoadHeads(t.Context(), disk, sum)
	if err != nil {
		t.Fatal(err)
	}
	f := &sourceFolder{origin: &origin.Proof{Keys: eventtest.Keys, Heads: heads}, damage: &damage{}, tips: map[event.Account]origin.Link{}}
	foreign := archivedEntry{
		Entry: &event.Entry{Format: 1, Tenant: a.Tenant, AccountID: a.ID, First: 1, Last: 1, Hash: event.Hash{2}}, in: &archive.Planned{},
	}
	own, err := f.own(t.Context(), a, []archivedEntry{foreign})
	if err != nil || len(own) != 0 || len(f.tips) != 0 || f.damage.entries.faults.Count != 1 {
		t.Errorf("%d entries, tips %v, %d faults, %v", len(own), f.tips, f.damage.entries.faults.Count, err)
	}
}
