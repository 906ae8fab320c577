package golden

import (
	"archive/tar"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// The golden directories.
const (
	First  = "directory-1"
	Second = "directory-2"
	Third  = "directory-3"
)

// All are the golden directories.
var All = []string{First, Second, Third}

//go:embed testdata/*.tar.gz
var directories embed.FS

// Unpack copies a golden directory into a new one, which ends with the test, and returns its path.
func Unpack(t testing.TB, name string) string {
	t.Helper()
	file, err := directories.Open("testdata/" + name + ".tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err == nil {
			err = extract(archive, header, dir)
		}
		if err != nil {
			t.Fatalf("unpack %s: %v", name, err)
		}
	}
}

// extract writes one entry of a tar, a directory or a file, below dir.
func extract(from io.Reader, header *tar.Header, dir string) error {
	path := filepath.Join(dir, filepath.Clean("/"+header.Name))
	if header.Typeflag == tar.TypeDir {
		return os.MkdirAll(path, 0o700)
	}
	data, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	return os.WriteFile(path, data, 0o600)
}
