package tidy

import (
	"fmt"
	"go/ast"
	"path"
	"strings"
	"testing"
)

// The limits, in lines, a little above the largest that there is. They are only ever lowered.
const (
	maxFile     = 370
	maxTestFile = 760
	maxFunc     = 60
	maxTestFunc = 105 // most of a long test is its table
	maxMain     = 60
	minDoc      = 5
	maxDoc      = 25

	maxPackage      = 2800 // of a package, without its tests
	maxPackageFiles = 20   // likewise
)

func TestFilesAreShort(t *testing.T) {
	for _, f := range sources(t) {
		limit := maxFile
		switch {
		case f.test:
			limit = maxTestFile
		case path.Base(f.path) == "main.go":
			limit = maxMain
		}
		if _, excepted := longFiles[f.path]; f.lines > limit && !excepted && !ast.IsGenerated(f.tree) {
			t.Errorf("%s has %d lines, more than %d", f.path, f.lines, limit)
		}
	}
}

func TestPackagesAreSmall(t *testing.T) {
	lines, files := map[string]int{}, map[string]int{}
	for _, f := range sources(t) {
		if f.test || ast.IsGenerated(f.tree) {
			continue
		}
		lines[f.pkg] += f.lines
		files[f.pkg]++
	}
	for pkg := range lines {
		if lines[pkg] > maxPackage {
			t.Errorf("%s has %d lines, more than %d", pkg, lines[pkg], maxPackage)
		}
		if files[pkg] > maxPackageFiles {
			t.Errorf("%s has %d files, more than %d", pkg, files[pkg], maxPackageFiles)
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	for _, f := range sources(t) {
		if ast.IsGenerated(f.tree) {
			continue
		}
		for _, decl := range f.tree.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			limit := maxFunc
			if f.test {
				limit = maxTestFunc
			}
			lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
			if _, excepted := longFuncs[funcName(f, fn)]; lines > limit && !excepted {
				t.Errorf("%s: %s has %d lines, more than %d", position(fn), funcName(f, fn), lines, limit)
			}
		}
	}
}

// funcName returns a function's name in the form that longFuncs uses.
func funcName(f file, fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return f.pkg + "." + fn.Name.Name
	}
	return fmt.Sprintf("%s.(%s).%s", f.pkg, receiver(fn.Recv.List[0].Type), fn.Name.Name)
}

// receiver returns the name of a receiver's type, without pointer and type parameters.
func receiver(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}

func TestPackagesAreDocumented(t *testing.T) {
	docs := map[string]int{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		docs[f.pkg] += 0
		if f.tree.Doc == nil {
			continue
		}
		want := "doc.go"
		switch {
		case f.tree.Name.Name == "main":
			want = "main.go"
		case layer(f.pkg) == suites:
			want = path.Base(f.path)
		}
		if got := path.Base(f.path); got != want {
			t.Errorf("%s: the package comment belongs in %s", f.path, want)
		}
		docs[f.pkg] = strings.Count(f.tree.Doc.Text(), "\n")
	}
	for pkg, lines := range docs {
		least := minDoc
		if layer(pkg) == programs || layer(pkg) == suites {
			least = 2
		}
		if lines < least || lines > maxDoc {
			t.Errorf("%s: package comment of %d lines, not %d to %d", pkg, lines, least, maxDoc)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || f.tree.Name.Name == "main" || ast.IsGenerated(f.tree) {
			continue
		}
		for _, decl := range f.tree.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !wellKnown[d.Name.Name] {
					t.Errorf("%s: %s is not documented", position(d), funcName(f, d))
				}
			case *ast.GenDecl:
				undocumented(d, func(n *ast.Ident) { t.Errorf("%s: %s.%s is not documented", position(n), f.pkg, n.Name) })
			}
		}
	}
}

// wellKnown are methods that need no comment: their interfaces document them.
var wellKnown = map[string]bool{"Error": true, "Unwrap": true, "Len": true, "Less": true, "Swap": true}

// exportedReceiver reports whether another package can name a function.
func exportedReceiver(fn *ast.FuncDecl) bool {
	return fn.Recv == nil || ast.IsExported(receiver(fn.Recv.List[0].Type))
}

// undocumented calls report with each exported name of a declaration that has a comment neither on
// itself nor on its group.
func undocumented(d *ast.GenDecl, report func(*ast.Ident)) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
				report(s.Name)
			}
		case *ast.ValueSpec:
			if s.Doc != nil || s.Comment != nil || d.Doc != nil {
				continue
			}
			for _, name := range s.Names {
				if name.IsExported() {
					report(name)
				}
			}
		}
	}
}
