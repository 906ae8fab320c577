package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"passbook/cmd/internal/programtest"
	"passbook/shared/client"
)

// at runs a command of bank against this bank.
func (b *bank) at(t *testing.T, args ...string) programtest.Outcome {
	t.Helper()
	return programtest.Run(t, "", []string{"PASSBOOK_SERVER=" + b.Base}, "bank", args...)
}

// TestAWithdrawalIsTracedIntoTheArchive follows one withdrawal with bank trace, by each of its
// names.
func TestAWithdrawalIsTracedIntoTheArchive(t *testing.T) {
	ctx, b := t.Context(), serve(t, t.TempDir())
	bank := b.goClient(t)
	if _, err := bank.OpenAccount(ctx, client.Open{AccountID: "A-1", Currency: "EUR", CreditLimit: 5000}); err != nil {
		t.Fatal(err)
	}
	taken, err := bank.Withdraw(ctx, "A-1", client.Withdraw{Amount: 2500, Currency: "EUR"}, client.Key("atm-1"), client.RequestID("visit-1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"A-1", "2"}, {"A-1:2"}, {"A-1"}, {taken.CorrelationID}} {
		got := b.at(t, append([]string{"trace", "--wait", "60s"}, args...)...)
		for _, want := range []string{"A-1:2  MoneyWithdrawn  25.00 EUR, posted -25.00 EUR", "key atm-1, correlation visit-1, answered 201, decided on version 1",
			"signed", "├─ record   shardId-", "├─ fold     balance: row at version 2, +", "├─ fold     creditlimit: row at version 2, +", "└─ segment  events/"} {
			if !strings.Contains(got.Out, want) {
				t.Errorf("trace %v: %d, without %q\n%s%s", args, got.Code, want, got.Out, got.ErrOut)
			}
		}
	}
	var journey client.Journey
	if got := b.at(t, "trace", "A-1", "2", "-o", "json"); json.Unmarshal([]byte(got.Out), &journey) != nil || journey.Archive == nil || journey.Entry.Hash == "" {
		t.Errorf("trace as JSON: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	if got := b.at(t, "lag", "--max", "1m"); got.Code != 0 || !strings.Contains(got.Out, "balance@1") || !strings.Contains(got.Out, "archiver") {
		t.Errorf("lag: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	b.Terminate()
}

// TestDoctorTellsAWellBankFromADeadOne asks bank doctor about a bank that serves, its directory,
// and the same when it is gone.
func TestDoctorTellsAWellBankFromADeadOne(t *testing.T) {
	data := t.TempDir()
	b := serve(t, data, "--auth", "apikey")
	key := "@" + data + "/first-key"
	if got := b.at(t, "doctor", "--key", key); got.Code != 0 || strings.Contains(got.Out, "failed") || !strings.Contains(got.Out, "ok       key          it may accounts:read") {
		t.Errorf("with a key: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	if got := b.at(t, "doctor"); got.Code != 1 || !strings.Contains(got.Out, "failed   key") || !strings.Contains(got.Out, "bank key create") {
		t.Errorf("without a key: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	if got := b.at(t, "doctor", "--data", data); got.Code != 0 || !strings.Contains(got.Out, "ok       bank         it runs") {
		t.Errorf("the directory of a running bank: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	b.Terminate()
	if got := b.at(t, "doctor", "--data", data); got.Code != 0 || !strings.Contains(got.Out, "skipped  bank") || !strings.Contains(got.Out, "ok       stores") {
		t.Errorf("the directory of an ended bank: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	if got := b.at(t, "doctor", "--key", key); got.Code != 5 || !strings.Contains(got.Out, "failed   server") || !strings.Contains(got.Out, "bank serve") {
		t.Errorf("an ended bank: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
}

// TestTailFollowsOverAKill kills the bank under bank tail: each event comes, in order, and the
// cursor that it prints continues behind the last one.
func TestTailFollowsOverAKill(t *testing.T) {
	ctx, b := t.Context(), serve(t, t.TempDir())
	bank := b.goClient(t)
	server := []string{"PASSBOOK_SERVER=" + b.Base}
	if _, err := bank.OpenAccount(ctx, client.Open{AccountID: "A-1", Currency: "EUR"}); err != nil {
		t.Fatal(err)
	}
	credit := func(n int) {
		t.Helper()
		for range n {
			if _, err := bank.Credit(ctx, "A-1", client.Credit{Amount: 100, Currency: "EUR"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	tail := programtest.Begin(t, server, "bank", "tail", "-f", "--from", "earliest", "--account", "A-1", "-o", "ndjson")
	credit(10)
	printed := func(version int) {
		t.Helper()
		programtest.Eventually(t, fmt.Sprintf("tail prints version %d", version), func() error {
			if versions := versionsIn(tail.Out.String()); len(versions) < version {
				return fmt.Errorf("it has %d versions: %s", len(versions), tail.ErrOut.String())
			}
			return nil
		})
	}
	printed(11)
	b.Kill()
	b = b.again(t)
	credit(10)
	printed(21)
	ended := tail.Interrupt()
	_, cursor, found := strings.Cut(strings.TrimSpace(ended.ErrOut), "continue with --cursor ")
	if ended.Code != 0 || !found {
		t.Fatalf("interrupted, tail ends with %d: %s", ended.Code, ended.ErrOut)
	}
	for i, version := range versionsIn(ended.Out) {
		if version != int64(i+1) {
			t.Fatalf("version %d in place %d", version, i+1)
		}
	}
	credit(3)
	rest := b.at(t, "tail", "--cursor", cursor, "--account", "A-1", "-o", "ndjson")
	if versions := versionsIn(rest.Out); rest.Code != 0 || len(versions) < 3 || versions[len(versions)-1] != 24 {
		t.Errorf("continued: %d, versions %v\n%s", rest.Code, versions, rest.ErrOut)
	}
	if got := b.at(t, "tail", "-n", "2", "-o", "csv"); got.Code != 0 || strings.Count(got.Out, "\n") != 3 || !strings.Contains(got.Out, "A-1:24") {
		t.Errorf("the newest: %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	b.Terminate()
}

// versionsIn returns the versions of the events in lines of JSON, repeats left out.
func versionsIn(text string) (versions []int64) {
	for line := range strings.Lines(text) {
		var e struct{ Version int64 }
		if json.Unmarshal([]byte(line), &e) == nil && (len(versions) == 0 || e.Version > versions[len(versions)-1]) {
			versions = append(versions, e.Version)
		}
	}
	return versions
}
