package main

import (
	"io"
	"path/filepath"
	"testing"

	"passbook/cmd/internal/cli"
	"passbook/shared/account"
	"passbook/shared/archive"
	"passbook/shared/event"
	"passbook/shared/origin"
	"passbook/shared/platform"
	"passbook/shared/replay"
)

func TestAnArchiveIsTheBanks(t *testing.T) {
	data := filepath.Join(t.TempDir(), "big")
	c := archiveCommand{Data: data, Events: 1000, Accounts: 30, Segment: 100}
	if err := c.Run(t.Context(), &cli.Terminal{Out: io.Discard, Err: io.Discard}); err != nil {
		t.Fatal(err)
	}
	config, err := platform.FromEnv([]string{"PASSBOOK_DATA=" + data})
	if err != nil {
		t.Fatal(err)
	}
	from, keys, err := platform.OpenArchive(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := origin.LoadProof(t.Context(), nil, from, keys)
	if err != nil || !proof.Complete() {
		t.Fatal(proof, err)
	}
	var extent archive.Extent
	states := replay.StatesConfig{Bucket: from, Origin: proof, Version: 33, Begin: func(x archive.Extent) error { extent = x; return nil }}
	given := 0
	faults, err := replay.StatesAt(t.Context(), states, func(event.Account, account.State) error { given++; return nil })
	if err != nil || faults.Count != 0 || given != 30 || extent.Unproven != 0 || len(extent.Ends) != 4 {
		t.Fatalf("%d accounts, %+v, %+v, %v", given, faults, extent, err)
	}
	if err := c.Run(t.Context(), &cli.Terminal{Out: io.Discard, Err: io.Discard}); err == nil {
		t.Error("an archive was added to a bank that exists")
	}
}
