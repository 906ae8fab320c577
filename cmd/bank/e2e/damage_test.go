package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"passbook/cmd/internal/golden"
	"passbook/shared/embedded"
	"passbook/shared/journal"
	"passbook/shared/origin"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// TestHeldDirectory checks that a second bank on a directory says who holds it, and touches
// nothing.
func TestHeldDirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := serve(t, data)
	b.open(t, "A-1", 100)
	got := command(t, "bank", "serve", "--data", data, "--listen", "127.0.0.1:0")
	if got.Code != 5 || !strings.Contains(got.ErrOut, "another process uses") {
		t.Errorf("code %d\n%s", got.Code, got.ErrOut)
	}
	b.get(t, "/v1/accounts/A-1/balance?min_version=2&wait=5s").must(t, 200)
	b.checkAudit(t)
}

// TestNewerDirectory checks that every program leaves a directory of a newer format as it is.
func TestNewerDirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	serve(t, data).Terminate()
	if err := os.WriteFile(filepath.Join(data, "FORMAT"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, data)
	refuseNewer(t, data, "99")
	if after := snapshot(t, data); after != before {
		t.Errorf("the directory changed:\n%s\nbefore\n%s", after, before)
	}
}

// refuseNewer checks that every program refuses a bank of a newer format.
func refuseNewer(t *testing.T, data, format string) {
	t.Helper()
	for _, args := range [][]string{
		{"bank", "serve", "--listen", "127.0.0.1:0"}, {"audit"}, {"replay", "rebuild", "--model", "balance"}, {"replay", "republish", "--stream", "copy"},
		{"bank", "quarantine", "clear", "--all"}, {"bank", "upgrade", "--yes"}, {"bank", "rotate-key"},
	} {
		got := command(t, args[0], append(args[1:], "--data", data)...)
		if got.Code != 5 || !strings.Contains(got.ErrOut, format) || !strings.Contains(got.ErrOut, "newer") || strings.Count(got.ErrOut, "\n") != 2 {
			t.Errorf("%q: code %d\n%s", args, got.Code, got.ErrOut)
		}
	}
}

// TestNewerEntries checks that every program refuses a bank that a later release has upgraded to
// its own entry format, and writes no row.
func TestNewerEntries(t *testing.T) {
	t.Parallel()
	data := settle(t)
	withTables(t, data, func(tables table.Table) error {
		was, err := origin.ReadBank(t.Context(), tables)
		if err != nil {
			return err
		}
		now := was
		now.Format = 99
		return origin.WriteBank(t.Context(), tables, was, now)
	})
	before := golden.Rows(t, data)
	refuseNewer(t, data, "format 99")
	if after := golden.Rows(t, data); !reflect.DeepEqual(after, before) {
		t.Errorf("the rows were\n%v\nand are\n%v", before, after)
	}
}

// withTables calls a function with the tables of a bank that is down.
func withTables(t *testing.T, data string, use func(table.Table) error) {
	t.Helper()
	db, err := embedded.Open(embedded.Options{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pebbletable.New(db, journal.Schemas...)
	if err == nil {
		err = use(tables)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// segments lists the archive's files.
func segments(t *testing.T, data string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(data, "archive"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// snapshot returns the names, sizes and times of all files in a directory.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.IsDir() {
			return err
		}
		all.WriteString(strings.TrimPrefix(path, dir) + " " + info.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// settle makes a directory with a little history, all of it archived, and ends the bank.
func settle(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	b := serve(t, data)
	for i := range 4 {
		b.open(t, account(i), 1000)
		b.post(t, "/v1/accounts/"+account(i)+"/withdrawals", "w", money(10)).must(t, 201)
	}
	b.checkAudit(t)
	b.Terminate()
	if len(segments(t, data)) == 0 {
		t.Fatal("nothing was archived")
	}
	return data
}

// TestDamagedArchive checks that a segment that was cut, or changed by a bit, is named, that
// nothing is rebuilt from it, and that audit calls it a difference.
func TestDamagedArchive(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"truncated": func(b []byte) []byte { return b[:len(b)/2] },
		"empty":     func([]byte) []byte { return nil },
		"bit flip":  func(b []byte) []byte { b[len(b)/3] ^= 1; return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := settle(t)
			victim := segments(t, data)[0]
			text, err := os.ReadFile(victim)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(victim, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(victim, damage(bytes.Clone(text)), 0o600); err != nil {
				t.Fatal(err)
			}
			named := filepath.Base(victim)
			rebuild := command(t, "replay", "rebuild", "--model", "balance", "--data", data, "--yes")
			if rebuild.Code == 0 || !strings.Contains(rebuild.ErrOut, named) {
				t.Errorf("rebuild: code %d\n%s", rebuild.Code, rebuild.ErrOut)
			}
			audit := command(t, "audit", "--data", data)
			if audit.Code != 3 || !strings.Contains(audit.Out+audit.ErrOut, named) {
				t.Errorf("audit: code %d\n%s%s", audit.Code, audit.Out, audit.ErrOut)
			}
			if err := os.WriteFile(victim, text, 0o600); err != nil {
				t.Fatal(err)
			}
			b := serve(t, data)
			if a := b.get(t, "/v1/accounts/A-0/balance?min_version=3&wait=5s").must(t, 200); a.body.Posted != 990 {
				t.Errorf("after the failed rebuild: %s", a.text)
			}
			b.checkAudit(t)
		})
	}
}

// TestEmptyArchive checks that jobs that need an archive say so where it has no segments. What no
// segment holds, republish takes from the journal, which has nothing here.
func TestEmptyArchive(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	serve(t, data).Terminate()
	for _, args := range [][]string{{"replay", "rebuild", "--model", "balance"}, {"replay", "journal"}} {
		got := command(t, args[0], append(args[1:], "--data", data)...)
		if got.Code != 1 || !strings.Contains(got.ErrOut, "the archive is empty") {
			t.Errorf("%q: code %d\n%s", args, got.Code, got.ErrOut)
		}
	}
	if got := command(t, "replay", "republish", "--stream", "copy", "--data", data); got.Code != 0 {
		t.Errorf("republish: code %d\n%s", got.Code, got.ErrOut)
	}
}

// TestNoBankHere checks that a job does not make a bank where there is none.
func TestNoBankHere(t *testing.T) {
	data := filepath.Join(t.TempDir(), "nowhere")
	for _, args := range [][]string{{"audit"}, {"replay", "rebuild", "--model", "balance"}, {"replay", "at", "--version", "1"}, {"bank", "quarantine", "list"}} {
		got := command(t, args[0], append(args[1:], "--data", data)...)
		if got.Code != 5 || !strings.Contains(got.ErrOut, "no bank in") {
			t.Errorf("%q: code %d\n%s", args, got.Code, got.ErrOut)
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
}

// TestStaleAddress checks that the ops address that a killed bank has left behind does not keep a
// job from the directory.
func TestStaleAddress(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	b := serve(t, data)
	b.open(t, "A-1", 100)
	b.Kill()
	if _, err := os.Stat(filepath.Join(data, "ops")); err != nil {
		t.Fatal(err)
	}
	if got := command(t, "audit", "--data", data); got.Code != 0 || !strings.Contains(got.Out, "agree") {
		t.Errorf("code %d\n%s%s", got.Code, got.Out, got.ErrOut)
	}
}

// TestNobodyAnswers checks that a demo on a bank that is not there says so.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	if got := command(t, "bank", "demo", "--url", "http://127.0.0.1:1"); got.Code != 5 || !strings.Contains(got.ErrOut, "no bank answers") {
		t.Errorf("code %d\n%s", got.Code, got.ErrOut)
	}
}
