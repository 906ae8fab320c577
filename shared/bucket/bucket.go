package bucket

import (
	"context"
	"errors"
	"io"
)

// The limits that every adapter enforces.
const (
	// MaxKeyBytes is the longest key (S3: 1,024 bytes of UTF-8).
	MaxKeyBytes = 1024
	// MaxPartBytes is the longest part of a key between slashes: the longest name of a file that
	// file systems allow.
	MaxPartBytes = 255
	// MaxListPage is the most keys of one page (ListObjectsV2: 1,000).
	MaxListPage = 1000
)

// The errors that callers distinguish.
var (
	// ErrExists: an object has the key; it was not changed.
	ErrExists = errors.New("bucket: object exists")
	// ErrNotFound: no object has the key.
	ErrNotFound = errors.New("bucket: object not found")
	// ErrInvalid: the key is empty, too long, not UTF-8, has an empty, ".", ".." or too long part,
	// or cannot be stored beside the other keys of this adapter.
	ErrInvalid = errors.New("bucket: invalid key")
)

// Info is the entry of an object in a listing.
type Info struct {
	Key  string
	Size int64
}

// Page is a part of a listing, in byte order of the keys. If After is empty, nothing follows.
type Page struct {
	Objects []Info
	After   string
}

// Object is an open object: ranges of it can be read, concurrently, until it is closed. Reads obey
// the context of Open.
type Object interface {
	io.ReaderAt
	io.Closer
	// Size returns the object's length in bytes.
	Size() int64
}

// Bucket is the port. Objects are complete, immutable and permanent: there is no overwrite, no
// append and no delete. Methods may be called concurrently; every call obeys its context's
// deadline. Callers MUST NOT use keys of which one is a directory of another, such as a and a/b: a
// file system cannot store both.
type Bucket interface {
	// Create creates the object, or fails with ErrExists. nil means durable and visible; after any
	// other error the object is either complete or absent.
	Create(ctx context.Context, key string, data []byte) error
	// Open opens an object for reading, or fails with ErrNotFound.
	Open(ctx context.Context, key string) (Object, error)
	// List returns a page of the objects whose key starts with prefix and is greater than after.
	List(ctx context.Context, prefix, after string) (Page, error)
}
