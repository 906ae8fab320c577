package jobs

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/progress"
	"passbook/shared/readmodel"
	"passbook/shared/table"
)

// garbage puts a record that cannot be decoded into the quarantine of a consumer.
func garbage(t *testing.T, b Bank, name, sequence string) {
	t.Helper()
	id := "s#shard#" + sequence
	row := table.Row{Key: table.Key{PK: "quarantine#" + name, SK: id}, Attrs: table.Map{
		"id": table.S(id), "cause": table.S("broken JSON"), "stream": table.S("s"), "shard": table.S("shard"), "sequence": table.S(sequence),
		"data": table.B("not an entry"), "size": table.N(len("not an entry")),
	}}
	if err := b.Table.Put(t.Context(), table.Put{Table: control.Name, Row: row, If: table.Absent()}); err != nil {
		t.Fatal(err)
	}
}

// Clear removes records that cannot be decoded from quarantine, one or all, and logs them. It
// removes no account.
func TestClearRemovesRecordsAndNoAccount(t *testing.T) {
	b := openBank(t)
	var log bytes.Buffer
	b.Log = slog.New(slog.NewTextHandler(&log, nil))
	history(t, b)
	project(t, b, Models[0], 1)
	change(t, b, Models[0], 1, "A-2", func(a table.Map) { a["version"], a["hash"] = table.N(1000), table.S(event.Hash{1}.String()) })
	if err := b.catchUp(t.Context(), Models[0], event.Account{Tenant: "main", ID: "A-2"}); !errors.Is(err, readmodel.ErrQuarantined) {
		t.Fatal(err)
	}
	for _, sequence := range []string{"1", "2"} {
		garbage(t, b, "archiver", sequence)
		garbage(t, b, "balance@1", sequence)
	}
	for _, c := range []struct {
		params ClearParams
		clears int
		says   string
	}{
		{ClearParams{Record: "A-2"}, 0, "bank quarantine redrive main#A-2"},
		{ClearParams{Record: "main#A-2"}, 0, "bank quarantine redrive main#A-2"},
		{ClearParams{Record: "s#shard#3"}, 0, "bank quarantine list"},
		{ClearParams{All: true, DryRun: true}, 4, ""},
		{ClearParams{Record: "s#shard#2"}, 2, ""},
		{ClearParams{All: true}, 2, ""},
		{ClearParams{All: true}, 0, ""},
	} {
		done, err := b.clear(t.Context(), c.params, progress.New())
		if len(done.Records) != c.clears || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %+v, %v", c.params, done, err)
		}
	}
	if n := strings.Count(log.String(), "record cleared from quarantine"); n != 4 || !strings.Contains(log.String(), "not an entry") {
		t.Errorf("%d lines in\n%s", n, log.String())
	}
	list, err := b.quarantine(t.Context(), QuarantineParams{}, progress.New())
	if err != nil || len(list) != 1 || list[0].Account != "A-2" {
		t.Errorf("left: %+v, %v", list, err)
	}
}

// A redrive of all accounts reports what remains, and one of a single account repairs its row even
// if nothing has contradicted it yet.
func TestRedriveReportsWhatRemainsAndFindsForgedRows(t *testing.T) {
	b := openBank(t)
	for _, stream := range Resources().Streams {
		if err := b.CreateStream(t.Context(), b.Config.Stream(stream)); err != nil {
			t.Fatal(err)
		}
	}
	history(t, b)
	for _, model := range Models {
		project(t, b, model, 1)
	}
	garbage(t, b, "balance@1", "1")
	done, err := b.redrive(t.Context(), RedriveParams{All: true}, progress.New())
	if err != nil || done.Records != 1 || len(done.Redriven) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, err := b.redrive(t.Context(), RedriveParams{Account: "A-1"}, progress.New()); err == nil || !strings.Contains(err.Error(), "main#A-1 is not in quarantine") {
		t.Errorf("%v", err)
	}
	change(t, b, Models[1], 1, "A-1", func(a table.Map) { a["hash"], a["posted"] = table.S(event.Hash{1}.String()), table.N(1) })
	for range 2 { // neither changes anything
		done, err = b.redrive(t.Context(), RedriveParams{Account: "A-1", DryRun: true}, progress.New())
		if err != nil || !done.DryRun || len(done.Redriven) != 1 {
			t.Errorf("a dry run: %+v, %v", done, err)
		}
	}
	done, err = b.redrive(t.Context(), RedriveParams{Account: "A-1"}, progress.New())
	if err != nil || done.DryRun || len(done.Redriven) != 1 || done.Redriven[0] != "creditlimit@1 main#A-1" {
		t.Errorf("%+v, %v", done, err)
	}
	if right, err := b.liveProjection(t.Context(), Models[1]); err != nil {
		t.Error(err)
	} else if ok, err := right.MatchesJournal(t.Context(), event.Account{Tenant: "main", ID: "A-1"}); err != nil || !ok {
		t.Errorf("of the history: %v, %v", ok, err)
	}
}
