package e2e

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"passbook/shared/embedded"
	"passbook/shared/stream"
	"passbook/shared/stream/pebblestream"
)

// spoil puts a record that is no entry on the stream of a bank that is down, between the records of
// an account.
func spoil(t *testing.T, data, account string) {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	streams, err := pebblestream.New(db, pebblestream.Options{})
	if err == nil {
		_, err = streams.Put(t.Context(), "passbook-events", []stream.Record{{PartitionKey: "main#" + account, Data: []byte("not an entry")}})
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestUndecodableRecordIsQuarantined checks that a record that cannot be decoded is kept and shown,
// by the running bank and on its directory, and that the shard continues behind it.
func TestUndecodableRecordIsQuarantined(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := serve(t, data)
	b.open(t, "A-1", 100)
	b.Terminate()
	spoil(t, data, "A-1")
	b = serve(t, data)
	b.post(t, "/v1/accounts/A-1/withdrawals", "w", money(10)).must(t, 201)
	b.get(t, "/v1/accounts/A-1/balance?min_version=3&wait=10s").must(t, 200)
	b.get(t, "/v1/accounts/A-1/credit-limit?min_version=3&wait=10s").must(t, 200)
	check := func() {
		t.Helper()
		got := must(t, "bank", "quarantine", "list", "--data", data, "--json")
		var found []struct {
			Consumer string `json:"consumer"`
			ID       string `json:"id"`
			Cause    string `json:"cause"`
		}
		if err := json.Unmarshal([]byte(got.Out), &found); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, f := range found {
			seen[f.Consumer] = true
			if !strings.HasPrefix(f.ID, "passbook-events#shardId-") || f.Cause == "" {
				t.Errorf("in quarantine: %+v", f)
			}
		}
		if !seen["balance@1"] || !seen["creditlimit@1"] {
			t.Errorf("in quarantine of %v\n%s", seen, got.Out)
		}
		if shown := must(t, "bank", "quarantine", "show", found[0].ID, "--data", data); !strings.Contains(shown.Out, "not an entry") {
			t.Errorf("the record is not shown:\n%s", shown.Out)
		}
	}
	check()
	b.checkAudit(t)
	if got := command(t, "bank", "quarantine", "redrive", "A-1", "--data", data); got.Code != 1 || !strings.Contains(got.ErrOut, "main#A-1 is not in quarantine") {
		t.Errorf("redrive of an account that is not in quarantine: %d\n%s", got.Code, got.ErrOut)
	}
	if got := must(t, "bank", "quarantine", "redrive", "--all", "--data", data); !strings.Contains(got.Out, "bank quarantine clear --all") {
		t.Errorf("a redrive does not report what remains:\n%s", got.Out)
	}
	b.Terminate()
	check()
	b = serve(t, data)
	if got := must(t, "bank", "quarantine", "clear", "--all", "--data", data); !strings.Contains(got.Out, "cleared passbook-events#shardId-") {
		t.Errorf("cleared:\n%s", got.Out)
	}
	if got := must(t, "bank", "quarantine", "list", "--data", data); !strings.Contains(got.Out, "the quarantine is empty") {
		t.Errorf("after all was cleared:\n%s", got.Out)
	}
	b.checkAudit(t)
}
