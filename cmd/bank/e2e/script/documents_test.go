package script

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"passbook/cmd/internal/programtest"
)

// root is the directory of the repository.
const root = "../../../.."

// notFollowed are the blocks of commands in documents that do not run here, by document and first
// words, with the reason.
var notFollowed = map[string]string{
	"README.md: make run":                             "builds, serves and tests; these are the targets that everything else uses",
	"CONTRIBUTING.md: make build":                     "builds and tests; these are the targets that everything else uses",
	"docs/clients/README.md: go mod":                  "changes a Go module of the reader's, and asks for its other modules",
	"docs/feed.md: curl -sN http":                     "follows the feed without end; the tests of the feed do it",
	"docs/feed.md: curl -sN \"$BANK":                  "follows the feed without end; the test of the feed's guide runs it",
	"docs/operations.md: make start deploy":           "needs LocalStack; the tests of the services use it",
	"docs/operations.md: make drill":                  "needs LocalStack; make drill is what runs it",
	"docs/operations.md: aws cloudformation":          "needs AWS",
	"docs/operations.md: docker run -p":               "needs Docker",
	"docs/operations.md: docker run -d":               "needs Docker",
	"docs/operations.md: STACK=":                      "needs AWS",
	"docs/operations.md: KEY=":                        "needs AWS",
	"docs/operations.md: JOURNAL=":                    "needs AWS",
	"docs/operations.md: bank dev":                    "runs until it is interrupted; a script runs it",
	"docs/webhooks.md: bank webhook add":              "needs a receiver on the internet; the tests of webhooks have one",
	"docs/operations.md: replay journal":              "is for a journal that was lost; the tests of restoring run it",
	"docs/operations.md: audit --repair":              "is for a segment that was lost; the tests of lost segments run it",
	"docs/operations.md: bank key create":             "ends with the id of a key, which is random; the tests of keys run it",
	"docs/operations.md: curl -s -H \"Authorization:": "takes a profile of 10 seconds",
	"docs/security.md: bank serve":                    "runs until it is interrupted",
	"docs/security.md: export PASSBOOK_AUTH":          "needs an OpenID provider; the tests of tokens have one",
	"docs/stream.md: pip install":                     "needs AWS; make examples runs it",
	"docs/stream.md: aws lambda":                      "needs AWS",
}

// fence matches a block of a document, and command how a block of commands begins.
var (
	fence   = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	command = regexp.MustCompile(`^(bank|replay|audit|curl|cat|make|docker|aws|go|pip|export|[A-Z]+=)`)
)

// placeholders are the words of documents that stand for a name of the reader's.
var placeholders = strings.NewReplacer("--data DATA DIR", "--data data copy", " DIR", " copy", "--data NEW", "--data restored")

// TestTheCommandsOfTheDocumentsRun runs each block of commands in README.md, CONTRIBUTING.md, docs
// and deploy as it stands, on the address of a bank of the test.
func TestTheCommandsOfTheDocumentsRun(t *testing.T) {
	t.Parallel()
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "deploy/*.md", "deploy/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	shared, listed, ran := newReader(t, true), map[string]bool{}, 0
	for _, path := range documents {
		text, err := os.ReadFile(path) //nolint:gosec // a document
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "" && m[1] != "sh" || !command.MatchString(m[2]) {
				continue
			}
			if key := listedAs(name + ": " + m[2]); key != "" {
				listed[key] = true
				continue
			}
			ran++
			if name == "README.md" {
				newReader(t, false).follow(t, name, m[2])
				continue
			}
			shared.follow(t, name, m[2])
		}
	}
	for key := range notFollowed {
		if !listed[key] {
			t.Errorf("%s is listed and in no document", key)
		}
	}
	if ran < 4 {
		t.Errorf("only %d blocks ran", ran)
	}
}

// listedAs returns the key of notFollowed that a block begins with, or "".
func listedAs(block string) string {
	for key := range notFollowed {
		if strings.HasPrefix(block, key) {
			return key
		}
	}
	return ""
}

// reader is somebody who follows the documents in a directory, with a bank.
type reader struct {
	base, dir string
	environ   []string
}

// newReader starts a bank for a reader: as examples want it, or an empty one, as README.md does.
func newReader(t *testing.T, filled bool) reader {
	t.Helper()
	if filled {
		b, dir, environ := sharedBank(t)
		return reader{b.Base, dir, environ}
	}
	dir := t.TempDir()
	b := programtest.Start(t, nil, "bank", "serve", "--data", dir+"/data", "--listen", "127.0.0.1:0")
	return reader{b.Base, dir, []string{"HOME=" + dir, "PASSBOOK_SERVER=" + b.Base}}
}

// follow runs a block in a shell. A call of curl that is refused fails it.
func (r reader) follow(t *testing.T, document, block string) {
	t.Helper()
	block = strings.ReplaceAll(placeholders.Replace(block), "127.0.0.1:8080", strings.TrimPrefix(r.base, "http://"))
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", "-e", "-c", "curl() { command curl --fail-with-body \"$@\"; }\n"+block)
	shell.Dir = r.dir
	path := "PATH=" + filepath.Dir(programtest.Path(t, "bank")) + string(os.PathListSeparator) + os.Getenv("PATH")
	shell.Env = slices.Concat(programtest.Environment(), r.environ, []string{path})
	if out, err := shell.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s\n%s", document, err, block, out)
	}
}
