package pebbletable_test

import (
	"testing"

	"passbook/shared/embedded"
	"passbook/shared/table"
)

func TestAStampChangesWithEachWriteOfTheRow(t *testing.T) {
	db := openDB(t, embedded.Options{NoSync: true})
	tab, other := openTable(t, db), openTable(t, db)
	key := table.Key{PK: "a", SK: "-"}
	if err := tab.Put(t.Context(), put(0, table.Absent())); err != nil {
		t.Fatal(err)
	}
	equal := func(n int) table.Condition { return table.Equals("v", table.N(n)) }
	for _, write := range []struct {
		name string
		do   func() error
	}{
		{"a put", func() error { return tab.Put(t.Context(), put(1, equal(0))) }},
		{"a put by another handle", func() error { return other.Put(t.Context(), put(2, equal(1))) }},
		{"one of each", func() error { return tab.PutEach(t.Context(), []table.Put{put(3, equal(2))})[0] }},
		{"a transaction", func() error { return tab.Transact(t.Context(), []table.Put{put(4, equal(3))}) }},
		{"a removal", func() error { return tab.Delete(t.Context(), "suite-rows", key, equal(4)) }},
	} {
		before := tab.Stamp("suite-rows", key)
		if again := tab.Stamp("suite-rows", key); before == 0 || again != before {
			t.Errorf("before %s: stamp %d, and %d", write.name, before, again)
		}
		if err := write.do(); err != nil {
			t.Fatalf("%s: %v", write.name, err)
		}
		if after := tab.Stamp("suite-rows", key); after == before || after == 0 {
			t.Errorf("after %s: stamp %d, before %d", write.name, after, before)
		}
	}
}
