package origin_test

import (
	"testing"
	"testing/synctest"
	"time"

	"passbook/shared/bucket/dirbucket"
	"passbook/shared/origin"
)

// A key that is made while a job runs is found, with the tables and without them.
func TestProofFindsAKeyThatIsMadeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBank(t)
		archive, err := dirbucket.New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if err := origin.NewBank(t.Context(), b.Table, archive, b.keys, "b"); err != nil {
			t.Fatal(err)
		}
		if err := origin.CopyKeys(t.Context(), b.Table, archive, "b", 1); err != nil {
			t.Fatal(err)
		}
		writer, proofs := b.open(), map[string]*origin.Proof{}
		if proofs["with tables"], err = origin.LoadProof(t.Context(), b.Table, archive, b.keys); err != nil {
			t.Fatal(err)
		}
		if proofs["alone"], err = origin.LoadProof(t.Context(), nil, archive, b.keys); err != nil {
			t.Fatal(err)
		}
		if proofs["with lost tables"], err = origin.LoadProof(t.Context(), controlTable(t).Table, archive, b.keys); err != nil {
			t.Fatal(err)
		}
		first := entry(t, writer)
		if _, err := origin.Rotate(t.Context(), b.Table, archive, b.keys); err != nil {
			t.Fatal(err)
		}
		time.Sleep(origin.SignedWithin)
		second := entry(t, writer)
		if first.MAC.Key != 1 || second.MAC.Key != 2 {
			t.Fatalf("signed with %d and %d", first.MAC.Key, second.MAC.Key)
		}
		for name, p := range proofs {
			mustPass(t, name+", of the first key", p.Verify(t.Context(), first))
			mustPass(t, name+", of the second key", p.Verify(t.Context(), second))
			mustBeForeign(t, name+", forged", p.Verify(t.Context(), forged(t, "b", 1)))
			mustBeForeign(t, name+", of an unknown key", p.Verify(t.Context(), forged(t, "b", 7)))
		}
	})
}
