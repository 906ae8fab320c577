package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refusesToStart checks that a bank does not start, and that it names the command that comes next.
func refusesToStart(t *testing.T, data, says, next string) {
	t.Helper()
	got := command(t, "bank", "serve", "--data", data, "--listen", "127.0.0.1:0")
	if got.Code != 5 || !strings.Contains(got.ErrOut, says) || !strings.Contains(got.ErrOut, next) {
		t.Fatalf("code %d, want 5, %q and %q\n%s", got.Code, says, next, got.ErrOut)
	}
}

// replaceDatabase puts another database into a data directory, beside its archive.
func replaceDatabase(t *testing.T, data string, with func(dir string) error) {
	t.Helper()
	dir := filepath.Join(data, "pebble")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := with(dir); err != nil {
		t.Fatal(err)
	}
}

// TestOlderCopy checks that a bank does not serve from a database that was restored from a copy
// older than its archive: it would assign versions and sequence numbers again. The commands that
// the refusals name restore every acknowledged command.
func TestOlderCopy(t *testing.T) {
	t.Parallel()
	data, kept := t.TempDir(), filepath.Join(t.TempDir(), "pebble")
	b := serve(t, data)
	b.open(t, "A-1", 1000)
	b.checkAudit(t)
	b.Terminate()
	if err := os.CopyFS(kept, os.DirFS(filepath.Join(data, "pebble"))); err != nil {
		t.Fatal(err)
	}
	b = serve(t, data)
	b.open(t, "A-2", 500)
	for i := range 5 {
		b.post(t, "/v1/accounts/A-1/withdrawals", fmt.Sprint("later-", i), money(10)).must(t, 201)
	}
	b.checkAudit(t)
	before := b.everything(t)
	b.Terminate()

	replaceDatabase(t, data, func(dir string) error { return os.CopyFS(dir, os.DirFS(kept)) })
	refusesToStart(t, data, "an older copy than the archive", "replay journal")
	must(t, "replay", "journal", "--data", data)
	refusesToStart(t, data, "the stream is an older copy", "replay stream --yes")
	must(t, "replay", "stream", "--yes", "--data", data)
	b = serve(t, data)
	if a := b.get(t, "/v1/accounts/A-1/balance?min_version=7&wait=10s").must(t, 200); a.body.Posted != 950 {
		t.Errorf("the balance after the walk: %s", a.text)
	}
	b.get(t, "/v1/accounts/A-2/balance?min_version=2&wait=10s").must(t, 200)
	b.get(t, "/v1/accounts/A-2/credit-limit?min_version=2&wait=10s").must(t, 200)
	b.get(t, "/v1/accounts/A-1/credit-limit?min_version=7&wait=10s").must(t, 200)
	same(t, before, b.everything(t))
	b.post(t, "/v1/accounts/A-1/withdrawals", "next", money(10)).must(t, 201)
	b.checkAudit(t)
}

// TestEmptyDatabaseBesideAnArchive checks that a database which was lost is not begun again beside
// its archive, and is restored from it.
func TestEmptyDatabaseBesideAnArchive(t *testing.T) {
	t.Parallel()
	data := settle(t)
	replaceDatabase(t, data, func(string) error { return nil })
	refusesToStart(t, data, "the journal is empty", "replay journal")
	if got := command(t, "replay", "rebuild", "--model", "balance", "--data", data); got.Code != 5 || !strings.Contains(got.ErrOut, "replay journal") {
		t.Errorf("a rebuild: code %d\n%s", got.Code, got.ErrOut)
	}
	must(t, "replay", "journal", "--data", data)
	b := serve(t, data)
	if a := b.get(t, "/v1/accounts/A-0/balance?min_version=3&wait=10s").must(t, 200); a.body.Posted != 990 {
		t.Errorf("%s", a.text)
	}
	for i := range 4 {
		b.get(t, "/v1/accounts/"+account(i)+"/balance?min_version=3&wait=10s").must(t, 200)
		b.get(t, "/v1/accounts/"+account(i)+"/credit-limit?min_version=3&wait=10s").must(t, 200)
	}
	b.checkAudit(t)
}
