package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// module is the prefix of every import path of this repository.
const module = "passbook/"

// file is one parsed Go file.
type file struct {
	path    string // from the repository's root, with slashes
	pkg     string // its directory, "shared/event"
	test    bool
	lines   int
	tree    *ast.File
	imports []string
}

// fset holds the positions of all parsed files.
var fset = token.NewFileSet()

// source parses the repository's Go files once.
var source = sync.OnceValues(func() ([]file, error) {
	var files []file
	err := walk(func(name string, data []byte) error {
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		tree, err := parser.ParseFile(fset, name, data, parser.ParseComments)
		if err != nil {
			return err
		}
		f := file{path: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), tree: tree}
		f.lines = strings.Count(string(data), "\n")
		for _, spec := range tree.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	return files, err
})

// sources returns every Go file of the repository. It ends the test if one cannot be parsed.
func sources(t *testing.T) []file {
	t.Helper()
	files, err := source()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found %d Go files: the walk does not start at the root", len(files))
	}
	return files
}

// walk calls visit with every file of the repository, without what builds and runs leave in it.
func walk(visit func(name string, data []byte) error) error {
	root := filepath.Join("..", "..")
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == ".git" || rel == "bin" || rel == "data" {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || rel == ".git" { // a file, in a worktree
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return visit(rel, data)
	})
}

// position returns file, line and column of a node, in the form that editors jump to.
func position(n ast.Node) string { return fset.Position(n.Pos()).String() }
