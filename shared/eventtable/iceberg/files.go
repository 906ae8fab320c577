package iceberg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	icebergio "github.com/apache/iceberg-go/io"

	"passbook/shared/bucket"
)

// files are the objects of a bucket, as the library wants files. Names begin with the table's
// location.
type files struct {
	ctx      context.Context //nolint:containedctx // the library makes one of these for each call
	bucket   bucket.Bucket
	location string
}

// key returns the key of a name.
func (f files) key(name string) (string, error) {
	key, ok := strings.CutPrefix(name, f.location+"/")
	if !ok {
		return "", fmt.Errorf("%s is not below %s, where the table is", name, f.location)
	}
	return path.Join(directory, key), nil
}

// read returns the content of an object.
func (f files) read(key string) (data []byte, err error) {
	o, err := f.bucket.Open(f.ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	return bucket.Content(o)
}

// ReadFile reads a file.
func (f files) ReadFile(name string) ([]byte, error) {
	key, err := f.key(name)
	if err != nil {
		return nil, err
	}
	data, err := f.read(key)
	if errors.Is(err, bucket.ErrNotFound) {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return data, err
}

// Open reads a file and opens it.
func (f files) Open(name string) (icebergio.File, error) {
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return opened{bytes.NewReader(data), path.Base(name)}, nil
}

// WriteFile creates a file.
func (f files) WriteFile(name string, data []byte) error {
	key, err := f.key(name)
	if err != nil {
		return err
	}
	return f.bucket.Create(f.ctx, key, data)
}

// Create begins a file, which is created when it is closed.
func (f files) Create(name string) (icebergio.FileWriter, error) {
	return &draft{files: f, name: name}, nil
}

// Remove fails: objects are permanent. The library removes only what no snapshot has.
func (files) Remove(name string) error {
	return &fs.PathError{Op: "remove", Path: name, Err: errors.ErrUnsupported}
}

// draft is a file before it is created.
type draft struct {
	bytes.Buffer
	files files
	name  string
}

// Close creates the file.
func (d *draft) Close() error { return d.files.WriteFile(d.name, d.Bytes()) }

// opened is an open file.
type opened struct {
	*bytes.Reader
	name string
}

// Close does nothing.
func (opened) Close() error { return nil }

// Stat describes the file.
func (o opened) Stat() (fs.FileInfo, error) { return info{o.name, o.Size()}, nil }

// info describes a file.
type info struct {
	name string
	size int64
}

func (i info) Name() string     { return i.name }
func (i info) Size() int64      { return i.size }
func (info) Mode() fs.FileMode  { return 0o400 }
func (info) ModTime() time.Time { return time.Time{} }
func (info) IsDir() bool        { return false }
func (info) Sys() any           { return nil }
