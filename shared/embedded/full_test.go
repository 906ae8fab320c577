package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// fullDisk fails writes to files, or their syncs, once it is full.
type fullDisk struct {
	kind errorfs.OpKind
	full atomic.Bool
}

func (f *fullDisk) String() string { return "full disk" }

func (f *fullDisk) MaybeError(op errorfs.Op) error {
	if f.full.Load() && op.Kind == f.kind {
		return &os.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
	}
	return nil
}

// fill runs as a process that commits until the disk is full.
func fill(dir string) {
	disk := &fullDisk{kind: errorfs.OpFileWrite}
	if os.Getenv("EMBEDDED_TEST_FULL_AT") == "sync" {
		disk.kind = errorfs.OpFileSyncData
	}
	db, err := Open(Options{Dir: dir, FS: errorfs.Wrap(vfs.Default, disk)})
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	for i := range 100 {
		disk.full.Store(i == 50)
		if err := db.Commit(context.Background(), set(fmt.Sprintf("k%02d", i), "v")); err != nil {
			os.Exit(8)
		}
		fmt.Printf("k%02d\n", i)
	}
}

// TestFullDiskEndsInOneLine checks that a commit which cannot be written ends the process with code
// 1, one line and no stack trace, and that every answered commit is there after space was freed.
func TestFullDiskEndsInOneLine(t *testing.T) {
	for _, at := range []string{"write", "sync"} {
		dir := t.TempDir()
		var out, said bytes.Buffer
		p := exec.CommandContext(t.Context(), os.Args[0])
		p.Env, p.Stdout, p.Stderr = append(os.Environ(), "EMBEDDED_TEST_FULL="+dir, "EMBEDDED_TEST_FULL_AT="+at), &out, &said
		if err := p.Run(); p.ProcessState == nil || p.ProcessState.ExitCode() != 1 {
			t.Fatalf("%s: %v, said %q", at, err, said.String())
		}
		if lines := strings.Count(said.String(), "\n"); lines != 1 || !strings.Contains(said.String(), "no space left") {
			t.Errorf("%s: said %q", at, said.String())
		}
		acked := strings.Fields(out.String())
		if len(acked) != 50 {
			t.Errorf("%s: %d acknowledged", at, len(acked))
		}
		db := mustOpen(t, Options{Dir: dir})
		for _, key := range acked {
			if get(t, db, key) != "v" {
				t.Errorf("%s: %s was acknowledged and is gone", at, key)
			}
		}
		mustClose(t, db)
	}
}
