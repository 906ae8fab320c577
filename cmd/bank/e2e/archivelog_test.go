package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnAuditorChecksACopy checks the way of somebody outside: a key and a checkpoint of the bank,
// later a copy of its archive, and nothing else.
func TestAnAuditorChecksACopy(t *testing.T) {
	t.Parallel()
	data, outside := settle(t), t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(outside, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := file("bank.pub", must(t, "bank", "archive", "key", "--data", data).Out)
	kept := file("kept.txt", must(t, "bank", "archive", "checkpoint", "--data", data).Out)
	b := serve(t, data)
	b.post(t, "/v1/accounts/A-0/withdrawals", "after", money(10)).must(t, 201)
	b.Terminate()
	if got := must(t, "audit", "--data", data); strings.Contains(got.Out, "skipped: ") {
		t.Errorf("the log is named as no part of the archive:\n%s", got.Out)
	}
	dir := filepath.Join(outside, "copy")
	if err := errors.Join(os.CopyFS(dir, os.DirFS(filepath.Join(data, "archive"))), os.Remove(filepath.Join(dir, "key"))); err != nil {
		t.Fatal(err)
	}
	verify := []string{"verify", "--offline", dir, "--checkpoint", kept, "--key", key}
	if got := command(t, "audit", verify...); got.Code != 0 || !strings.Contains(got.Out, "every account is whole from version 1 on") || strings.Contains(got.Out, "not in the log") {
		t.Fatalf("code %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
	lost := segments(t, data)[0]
	name, err := filepath.Rel(filepath.Join(data, "archive"), lost)
	if err == nil {
		err = os.Remove(filepath.Join(dir, name))
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := command(t, "bank", append([]string{"audit"}, verify...)...); got.Code != 3 || !strings.Contains(got.Out, filepath.ToSlash(name)+": it is missing") {
		t.Errorf("code %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
}
