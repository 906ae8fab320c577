package programtest

import (
	"archive/zip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The earlier releases that the tests run.
var (
	// First is the first release: bank alone, which is also its command for resources.
	First = earlier("b536342b6d50de5ac948d0f26ec8e21b14507558", "bank")
	// Format1 is the last release that knows no entry format but 1: every program.
	Format1 = earlier("c6765de56f61bcf0f4bae61131b8f7714c09ae68", "passbook", "bank", "withdraw", "credit", "balance", "creditlimit", "archiver", "replay", "audit")
)

// needHistory is the variable under which a test fails that finds no history to build a release
// from, and is not left out.
const needHistory = "PASSBOOK_TEST_HISTORY"

// Release is the programs of an earlier commit, built from the repository's history.
type Release struct {
	commit string
	// build builds the programs, once for a test binary, and returns their directory.
	build func() (string, error)
}

// earlier returns the release of a commit. command, as below cmd, is what is built, and links are
// the further names of that program.
func earlier(commit, command string, links ...string) *Release {
	r := &Release{commit: commit}
	r.build = sync.OnceValues(func() (string, error) { return r.make(command, links) })
	return r
}

// Program returns the path of a program of the release, for Start and Run. The test is left out
// where the clone lacks the commit, unless PASSBOOK_TEST_HISTORY is set, as it is in CI.
func (r *Release) Program(t testing.TB, name string) string {
	t.Helper()
	if out, err := git("cat-file", "-e", r.commit+"^{commit}"); err != nil {
		reason := fmt.Sprintf("this clone does not have the history back to commit %s, whose programs the test runs (git fetch --unshallow): %v %s", r.commit[:7], err, out)
		if os.Getenv(needHistory) != "" {
			t.Fatal(reason)
		}
		t.Skip("left out: " + reason)
	}
	dir, err := r.build()
	if err != nil {
		t.Fatalf("build the programs of commit %s: %v", r.commit[:7], err)
	}
	return filepath.Join(dir, name)
}

// make copies the commit's files out of the history and builds a program from them, as the image's
// is built: small, and with every package that is the same today compiled already.
func (r *Release) make(command string, links []string) (string, error) {
	made, sources := filepath.Join(bin, r.commit), filepath.Join(bin, r.commit+"-sources")
	packed := sources + ".zip"
	if out, err := git("archive", "--format=zip", "--output="+packed, r.commit); err != nil {
		return "", fmt.Errorf("git archive: %w\n%s", err, out)
	}
	files, err := zip.OpenReader(packed)
	if err != nil {
		return "", err
	}
	defer files.Close()
	if err := os.CopyFS(sources, files); err != nil {
		return "", err
	}
	if err := compile(sources, made, command, links, "CGO_ENABLED=0", "GOFLAGS="+os.Getenv("GOFLAGS")+" -trimpath", "GOWORK=off"); err != nil {
		return "", err
	}
	return made, os.RemoveAll(sources)
}

// git runs a command of git in this repository and returns what it says.
func git(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	var said strings.Builder
	cmd.Dir, cmd.Stdout, cmd.Stderr = moduleRoot(), &said, &said
	err := cmd.Run()
	return strings.TrimSpace(said.String()), err
}
