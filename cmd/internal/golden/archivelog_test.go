package golden

import (
	"bytes"
	"context"
	"crypto/sha256"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"passbook/shared/archivelog"
	"passbook/shared/bucket"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/control"
	"passbook/shared/event"
	"passbook/shared/segment"
	"passbook/shared/table"
)

// seedKey unwraps the key of an archive's log to a fixed seed.
type seedKey struct{ sameKey }

func (seedKey) Unwrap(context.Context, string, []byte) ([]byte, error) {
	return bytes.Repeat([]byte{7}, 32), nil
}

// archiveLog returns the row of an archive's log with one leaf, and the objects that belong to it.
// The segment is only named: its content is another.
func archiveLog(t *testing.T, d Document) (Rendered, map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	b, err := dirbucket.New(filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	rows := controlTable(t)
	key, _, _ := strings.Cut(string(block(t, d, "Segment", "ini")), "\n")
	sealed := segment.Sealed{
		Key: strings.TrimPrefix(key, "# "), Data: bytes.Repeat([]byte("s"), 9412),
		Footer: segment.Footer{Format: 2, Rows: 17, Entries: 15, Root: event.Hash(sha256.Sum256([]byte("root")))},
	}
	name, text := string(block(t, d, "Key of the log", "text")), block(t, d, "Key of the log", "json")
	create(t, b, name, append(text, '\n'))
	create(t, b, sealed.Key, sealed.Data)
	log := archivelog.New(archivelog.Config{
		Bucket: b, Table: rows, Keys: seedKey{}, Bank: func() string { return "f7dfe701-52b1-4771-9e0f-775ab5de8b94" },
		Owner: "bank-1/6f1c2f0e-6b0a-4c55-9d6e-2f6f5b7a9c01", Exclusive: true,
		Now: func() time.Time { return time.Date(2026, 11, 30, 0, 6, 12, 868843000, time.UTC) },
	})
	log.Sealed(sealed)
	if err := log.Append(t.Context()); err != nil {
		t.Fatal(err)
	}
	row, err := control.ArchiveLog(rows).Get(t.Context(), control.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	row.Key = table.Key{PK: "archivelog", SK: control.LogKey}
	return Render(control.Name, row), Objects(t, dir)
}

func create(t *testing.T, b bucket.Bucket, key string, data []byte) {
	t.Helper()
	if err := b.Create(t.Context(), key, data); err != nil {
		t.Fatal(err)
	}
}

func TestTheLogOfTheArchiveIsDescribed(t *testing.T) {
	d := document(t)
	_, objects := archiveLog(t, d)
	for kind, language := range map[string]string{"Leaves": "ndjson", "Checkpoint": "note"} {
		key, want, _ := strings.Cut(strings.TrimPrefix(string(block(t, d, kind, language)), "# "), "\n")
		if got := string(bytes.TrimSpace(objects[key])); got != want {
			t.Errorf("%s: the object %s is\n%s", kind, key, got)
		}
	}
	if tile := objects["log/v1/tile/0/000.p/1"]; len(tile) != sha256.Size {
		t.Errorf("the tile of hashes has %d bytes", len(tile))
	}
}
