package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// The names in the directory of a backup.
const (
	manifestFile = "manifest.json"
	// markerFile tells a directory that backups are made in from any other. Who makes one locks it.
	markerFile = "BACKUP"
	// archiveRoot and databaseRoot are where the files are: those of the archive under their paths
	// in the data directory, and those of the database in a directory for each backup.
	archiveRoot  = "archive"
	databaseRoot = "database"
)

// Format is the newest format of manifests, and the one that is written.
const Format = 1

// maxManifest bounds a manifest that is read: a file takes about 300 bytes of it.
const maxManifest = 1 << 30

// The reasons why a directory cannot be used.
var (
	// ErrNone means that there is no backup: nothing is there, or one was begun and not finished.
	ErrNone = errors.New("no backup")
	// ErrForeign means that the directory has other files, or the backup of another bank.
	ErrForeign = errors.New("not a directory for backups of this bank")
	// ErrFormat means that a newer program wrote the manifest.
	ErrFormat = errors.New("unknown format of a backup")
	// ErrDamaged means that a file is missing, or is not what was written.
	ErrDamaged = errors.New("the backup is damaged")
	// ErrSpace means that the volume of the backup is too full for it.
	ErrSpace = errors.New("not enough free space")
	// ErrBusy means that another process makes a backup there, or reads one.
	ErrBusy = errors.New("the directory of the backup is in use")
)

// Facts are what a backup says about the bank.
type Facts struct {
	// Bank is the bank's id, Stream its stream of events, Life when that was created.
	Bank   string    `json:"bank"`
	Stream string    `json:"stream"`
	Life   time.Time `json:"life"`
	// Taken is the moment: all that was acknowledged before it is in the backup.
	Taken time.Time `json:"taken"`
	// Accounts is how many accounts the journal has, Events how many events, and Heads a sum of
	// the newest entry of each.
	Accounts int64  `json:"accounts"`
	Events   int64  `json:"events"`
	Heads    string `json:"heads"`
	// EntryFormat is the format of new entries.
	EntryFormat int `json:"entry_format"`
	// Host and Data are the machine and the directory that it was taken from.
	Host string `json:"host"`
	Data string `json:"data"`
	// Program is the version of the program that took it.
	Program string `json:"program"`
}

// File is a file of a backup.
type File struct {
	// Path is the file's path in the backup, with slashes.
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Modified is when a file of the archive was last written, where it was taken from. Only a file
	// that has the same size and time still is carried by the next backup.
	Modified time.Time `json:"modified,omitzero"`
}

// Manifest is the description of a backup.
type Manifest struct {
	Format int `json:"format"`
	Facts
	// Database is the directory of the database in the backup.
	Database string `json:"database"`
	Files    []File `json:"files"`
	// Sum is the SHA-256 of the manifest with an empty Sum.
	Sum string `json:"sum"`

	dir string
}

// Dir returns the directory of the backup.
func (m *Manifest) Dir() string { return m.dir }

// Bytes returns how many bytes the files have.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// Read reads the manifest of a backup. It does not look at the other files.
func Read(dir string) (*Manifest, error) {
	text, err := readBounded(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, markerFile)); err == nil {
			return nil, fmt.Errorf("%w in %s: one was begun there and is not finished", ErrNone, dir)
		}
		return nil, fmt.Errorf("%w in %s", ErrNone, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("read the manifest of a backup: %w", err)
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, filepath.Join(dir, manifestFile), err)
	}
	if m.Format > Format {
		return nil, fmt.Errorf("%w: %s has format %d, this program knows up to %d: use a newer program", ErrFormat, dir, m.Format, Format)
	}
	m.dir = dir
	return m, m.check()
}

// check returns an error if the manifest is not as it was written.
func (m *Manifest) check() error {
	sum, err := m.sum()
	if err != nil {
		return err
	}
	if m.Format < 1 || m.Sum != sum {
		return fmt.Errorf("%w: %s was changed", ErrDamaged, filepath.Join(m.dir, manifestFile))
	}
	for _, f := range m.Files {
		if m.target(f) == "" {
			return fmt.Errorf("%w: %s lists %q", ErrDamaged, filepath.Join(m.dir, manifestFile), f.Path)
		}
	}
	return nil
}

// target returns the path of a file in the data directory, "" if it has no place there.
func (m *Manifest) target(f File) string {
	if !filepath.IsLocal(filepath.FromSlash(f.Path)) || path.Clean(f.Path) != f.Path {
		return ""
	}
	if strings.HasPrefix(f.Path, archiveRoot+"/") {
		return f.Path
	}
	name, ok := strings.CutPrefix(f.Path, m.Database+"/")
	if !ok || path.Dir(m.Database) != databaseRoot {
		return ""
	}
	return name
}

// path returns where a file of the backup is.
func (m *Manifest) path(f File) string { return filepath.Join(m.dir, filepath.FromSlash(f.Path)) }

// sum returns the sum of the manifest.
func (m *Manifest) sum() (string, error) {
	bare := *m
	bare.Sum = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return "", fmt.Errorf("encode the manifest: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// write replaces the manifest of a directory, durably.
func (m *Manifest) write(dir string) (err error) {
	if m.Sum, err = m.sum(); err != nil {
		return err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(m); err != nil {
		return fmt.Errorf("encode the manifest: %w", err)
	}
	m.dir = dir
	return writeFile(filepath.Join(dir, manifestFile), text.Bytes())
}
