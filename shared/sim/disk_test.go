package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"passbook/balance"
	"passbook/creditlimit"
	"passbook/shared/embedded"
	"passbook/shared/journal"
	"passbook/shared/stream/pebblestream"
	"passbook/shared/table"
	"passbook/shared/table/pebbletable"
)

// dataDir is the data directory.
const dataDir = "data"

// disk is the embedded engine on a file system that knows what was synced.
type disk struct {
	files   *vfs.MemFS
	db      *embedded.DB
	rows    *pebbletable.Table
	streams *pebblestream.Stream
}

// schemas are those of all tables of the bank.
var schemas = append(append(append([]table.Schema{}, journal.Schemas...), balance.Schemas...), creditlimit.Schema)

// openDisk opens the engine on files.
func openDisk(files *vfs.MemFS) (*disk, error) {
	d := &disk{files: files}
	var err error
	d.db, err = embedded.Open(embedded.Options{
		Dir: dataDir, FS: files, CacheBytes: 1 << 20, MemTableBytes: 1 << 20,
		Fatal: func(cause string) { panic("the engine ended the process: " + cause) },
	})
	if err != nil {
		return nil, err
	}
	if d.rows, err = pebbletable.New(d.db, schemas...); err == nil {
		d.streams, err = pebblestream.New(d.db, pebblestream.Options{})
	}
	if err != nil {
		return nil, errors.Join(err, d.db.Close())
	}
	return d, nil
}

// loseUnsynced returns the files as a power cut leaves them: what was synced and nothing else, all
// that was written, or something between.
func loseUnsynced(files *vfs.MemFS, r *rand.Rand) *vfs.MemFS {
	synced := files.CrashClone(vfs.CrashCloneCfg{})
	all := files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: r})
	switch r.IntN(4) {
	case 0:
		return all
	case 1:
		mixed := vfs.NewCrashableMem()
		must(mixed.MkdirAll(dataDir, 0o700))
		m := mixer{synced, all, mixed, r.Uint64()}
		m.dir(dataDir)
		m.sync("/")
		return mixed
	}
	return synced
}

// mixer makes files of those that were synced and of all. What is kept of the rest is drawn by its
// name and place, as a file system in memory has its files in no order.
type mixer struct {
	synced, all, mixed *vfs.MemFS
	seed               uint64
}

const block = 4096

// dir mixes a directory and those below it.
func (m mixer) dir(path string) {
	all, err := m.all.List(path)
	must(err)
	synced, _ := m.synced.List(path)
	names := append(all, synced...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		at := m.all.PathJoin(path, name)
		info, err := m.all.Stat(at)
		if err == nil && info.IsDir() {
			must(m.mixed.MkdirAll(at, 0o700))
			m.dir(at)
			continue
		}
		if data, ok := m.file(at); ok {
			m.write(at, data)
		}
	}
	m.sync(path)
}

func (m mixer) sync(path string) {
	d, err := m.mixed.OpenDir(path)
	must(err)
	must(d.Sync())
	must(d.Close())
}

// file returns what is left of a file: of one that grew, any blocks of the rest.
func (m mixer) file(at string) (data []byte, ok bool) {
	before, was := content(m.synced, at)
	after, is := content(m.all, at)
	if !is || !was || !bytes.HasPrefix(after, before) {
		if is && m.keeps(at, 0) {
			return after, true
		}
		return before, was
	}
	data = before
	for i := 0; i < len(after); i += block {
		if end := min(i+block, len(after)); end > len(before) && m.keeps(at, i) {
			if grow := end - len(data); grow > 0 {
				data = append(data, make([]byte, grow)...)
			}
			copy(data[i:end], after[i:end])
		}
	}
	return data, true
}

// keeps draws whether a block was written before the power was cut.
func (m mixer) keeps(at string, i int) bool { return mix(m.seed, fmt.Sprint(at, i))%2 == 0 }

func (m mixer) write(at string, data []byte) {
	f, err := m.mixed.Create(at, vfs.WriteCategoryUnspecified)
	must(err)
	_, err = f.Write(data)
	must(err)
	must(f.Sync())
	must(f.Close())
}

// content returns a file, if there is one.
func content(files *vfs.MemFS, at string) ([]byte, bool) {
	f, err := files.Open(at)
	if err != nil {
		return nil, false
	}
	data, err := io.ReadAll(f)
	must(err)
	must(f.Close())
	return data, true
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// reopen closes the engine, whose files were lost, and opens it on what is left of them. It returns
// false if it does not open.
func (r *run) reopen(files *vfs.MemFS) bool {
	old := r.disk
	r.closing.Go(func() {
		if err := old.db.Close(); err != nil {
			r.fail("close the engine: %v", err)
		}
	})
	opened, err := openDisk(files)
	if err != nil {
		r.fail("open the engine after a power cut: %v", err)
		opened = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.disk = opened
	return err == nil
}
