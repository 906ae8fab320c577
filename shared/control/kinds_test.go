package control

import (
	"testing"

	"passbook/shared/table"
)

// The partitions and versions are on disk: they never change.
func TestKindsOfRows(t *testing.T) {
	tests := map[string]struct {
		rows               Rows
		partition, version string
	}{
		"writers":        {Writers(nil), "writer", "epoch"},
		"bank":           {Bank(nil), "bank", "id"},
		"bank, format 2": {BankAt(nil, 3), "bank", "rev"},
		"keys":           {Keys(nil), "key", "since"},
		"API keys":       {APIKeys(nil), "apikey", "rev"},
		"actors":         {Actors(nil), "actor", "rev"},
		"accepted times": {AcceptedTimes(nil), "bank", "until"},
		"leases":         {Leases(nil, "events", "balance@1"), "lease#events#balance@1", "epoch"},
		"holes":          {Holes(nil, "events", "balance@1"), "hole#events#balance@1", "epoch"},
		"quarantine":     {Quarantine(nil, "balance@1"), "quarantine#balance@1", "id"},
		"generations":    {Generations(nil), "generation", "rev"},
		"progress":       {Progress(nil, "balance@2"), "replay#balance@2", "rev"},
		"processes":      {Processes(nil), "process", "epoch"},
		"ops log":        {OpsLog(nil), "opslog", "rev"},
		"feeds":          {Feeds(nil, "events"), "feed#events", "epoch"},
		"archive log":    {ArchiveLog(nil), "archivelog", "rev"},
		"webhooks":       {Webhooks(nil), "webhook", "rev"},
	}
	for name, tt := range tests {
		if tt.rows.partition != tt.partition || tt.rows.version != tt.version {
			t.Errorf("%s: partition %q, version %q", name, tt.rows.partition, tt.rows.version)
		}
	}
	if AcceptedTimeKey("main#A-1") != "clock#main#A-1" || BankKey != "-" || PassesKey != "passes" || ChangesKey != "-" || FeedReader != "reader" || LogKey != "-" {
		t.Error("a sort key is another")
	}
	if Revision(0) != nil || Revision(1) != table.N(1) {
		t.Error("a revision is another")
	}
}
