package tidy

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// effects are the packages that let a function read or change something besides its arguments.
var effects = []string{
	"context", "crypto/rand", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "runtime", "syscall",
}

// readsClock are the functions of package time that read the clock.
var readsClock = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"}

// pure reports whether a file must be free of effects: the domain, and every decide.go and fold.go.
func pure(f file) bool {
	name := path.Base(f.path)
	return !f.test && (layer(f.pkg) == domain || name == "decide.go" || name == "fold.go")
}

func TestDecideAndFoldArePure(t *testing.T) {
	found := 0
	for _, f := range sources(t) {
		if !pure(f) {
			continue
		}
		found++
		for _, imported := range f.imports {
			if slices.Contains(effects, imported) {
				t.Errorf("%s imports %s: a pure file uses no clock, randomness, I/O or log", f.path, imported)
			}
		}
		eachCall(f, func(call *ast.CallExpr, pkg, name string) {
			if pkg == "time" && slices.Contains(readsClock, name) {
				t.Errorf("%s: time.%s: a pure file is given the time", position(call), name)
			}
		})
	}
	if found == 0 {
		t.Fatal("no pure file found")
	}
}

func TestNothingDeletesFromTheJournal(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || strings.HasPrefix(f.pkg, "shared/table/") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || selector.Sel.Name != "Delete" || len(call.Args) != 4 {
				return true
			}
			ofJournal := strings.HasPrefix(f.pkg, "shared/journal") || f.pkg == "shared/writer"
			if ofJournal && !namesControl(call.Args[1]) || namesJournal(call.Args[1]) {
				t.Errorf("%s: nothing in the journal is ever deleted", position(call))
			}
			return true
		})
	}
}

// namesJournal reports whether an argument names the journal's table: journal.Table, or a literal.
func namesJournal(arg ast.Expr) bool {
	switch a := arg.(type) {
	case *ast.BasicLit:
		return a.Value == `"journal"`
	case *ast.SelectorExpr:
		x, ok := a.X.(*ast.Ident)
		return ok && x.Name == "journal" && a.Sel.Name == "Table"
	}
	return false
}

// namesControl reports whether an argument names the control table: an identifier or literal that
// contains "control".
func namesControl(arg ast.Expr) bool {
	switch a := arg.(type) {
	case *ast.BasicLit:
		return a.Value == `"control"`
	case *ast.Ident:
		return strings.Contains(strings.ToLower(a.Name), "control")
	case *ast.SelectorExpr:
		return strings.Contains(strings.ToLower(a.Sel.Name), "control")
	}
	return false
}

func TestAuditDoesItsOwnArithmetic(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || !strings.HasPrefix(f.pkg, "shared/audit") {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "Fold" || s.Sel.Name == "StateAt" || s.Sel.Name == "Head") {
				t.Errorf("%s: %s: a check that shares code with what it checks proves nothing", position(s), s.Sel.Name)
			}
			return true
		})
	}
}

// eachCall visits the calls of the form pkg.Name(...).
func eachCall(f file, visit func(call *ast.CallExpr, pkg, name string)) {
	ast.Inspect(f.tree, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				visit(call, x.Name, s.Sel.Name)
			}
		}
		return true
	})
}
