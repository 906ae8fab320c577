package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/time/rate"

	"passbook/shared/progress"
)

// The most and the least that is read at a time. A bound on the speed makes it less, so that the
// bank never waits long for the disk.
const (
	maxBlock = 1 << 20
	minBlock = 4 << 10
)

// pace counts bytes, and bounds how many are read a second.
type pace struct {
	limit    *rate.Limiter // nil for as fast as it can be
	block    int
	progress *progress.Tracker
}

// newPace returns a pace of so many bytes a second; 0 has no bound.
func newPace(bytes int64, p *progress.Tracker) pace {
	if bytes <= 0 {
		return pace{block: maxBlock, progress: p}
	}
	block := int(max(minBlock, min(bytes/16, maxBlock)))
	return pace{limit: rate.NewLimiter(rate.Limit(bytes), block), block: block, progress: p}
}

// wait waits until n more bytes may be read.
func (p pace) wait(ctx context.Context, n int) error {
	if err := ctx.Err(); err != nil || p.limit == nil {
		return err
	}
	return p.limit.WaitN(ctx, n)
}

// sum reads a file to its end, writes it to the others, and returns its size and SHA-256.
func (p pace) sum(ctx context.Context, from io.Reader, to io.Writer) (size int64, sum string, err error) {
	hash, buffer := sha256.New(), make([]byte, p.block)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if err := p.wait(ctx, n); err != nil {
				return size, "", err
			}
			_, _ = hash.Write(buffer[:n]) // it never fails
			if _, err := to.Write(buffer[:n]); err != nil {
				return size, "", err
			}
			size += int64(n)
			p.progress.Add(int64(n))
		}
		if errors.Is(err, io.EOF) {
			return size, hex.EncodeToString(hash.Sum(nil)), nil
		}
		if err != nil {
			return size, "", err
		}
	}
}

// sumOf returns the size and the SHA-256 of a file.
func (p pace) sumOf(ctx context.Context, name string) (size int64, sum string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, "", err
	}
	size, sum, err = p.sum(ctx, f, io.Discard)
	return size, sum, errors.Join(err, f.Close())
}

// copy copies a file to a new name, durably, and returns its size and SHA-256. What is there under
// that name is replaced in one step.
func (p pace) copy(ctx context.Context, from, to string) (size int64, sum string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return 0, "", err
	}
	draft := to + ".part"
	out, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, "", err
	}
	size, sum, err = p.sum(ctx, in, out)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return size, "", errors.Join(err, os.Remove(draft))
	}
	return size, sum, os.Rename(draft, to)
}

// readBounded reads a whole file of bounded size.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(text) > maxManifest {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxManifest)
	}
	return text, errors.Join(err, f.Close())
}

// writeFile replaces a file in one step, durably.
func writeFile(name string, text []byte) error {
	draft := name + ".part"
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes the entries of a directory durable.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// syncDirs makes the entries of the directories of files durable, and of those above them up to a
// root.
func syncDirs(root string, files []string) error {
	synced := map[string]bool{}
	for _, name := range files {
		for dir := filepath.Dir(name); !synced[dir]; dir = filepath.Dir(dir) {
			synced[dir] = true
			if err := syncDir(dir); err != nil {
				return err
			}
			if dir == root {
				break
			}
		}
	}
	return syncDir(filepath.Dir(root))
}
