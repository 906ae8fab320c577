package tidy

import (
	"go/ast"
	"testing"
)

// A decorator of a table that changes what Put does, and not PutEach, would let the puts of rounds
// and of batches pass it by.
func TestDecoratorsOfTablesHaveAllPuts(t *testing.T) {
	embeds, methods := map[string]ast.Node{}, map[string]map[string]bool{}
	for _, f := range sources(t) {
		name := f.tree.Name.Name // tests are in another package, perhaps
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch d := n.(type) {
			case *ast.TypeSpec:
				if s, ok := d.Type.(*ast.StructType); ok && embedsTable(s) {
					embeds[f.pkg+" "+name+"."+d.Name.Name] = d
				}
			case *ast.FuncDecl:
				if d.Recv != nil {
					key := f.pkg + " " + name + "." + receiver(d.Recv.List[0].Type)
					if methods[key] == nil {
						methods[key] = map[string]bool{}
					}
					methods[key][d.Name.Name] = true
				}
			}
			return true
		})
	}
	found := 0
	for key, n := range embeds {
		if has := methods[key]; has["Put"] && !has["PutEach"] {
			t.Errorf("%s: a decorator of a table has Put and no PutEach: puts that are made together pass it by", position(n))
		} else if has["Put"] {
			found++
		}
	}
	if found == 0 {
		t.Error("no decorator of a table was found")
	}
}

// embedsTable reports whether a struct embeds the table port.
func embedsTable(s *ast.StructType) bool {
	for _, field := range s.Fields.List {
		if len(field.Names) > 0 {
			continue
		}
		switch typ := field.Type.(type) {
		case *ast.Ident:
			if typ.Name == "Table" {
				return true
			}
		case *ast.SelectorExpr:
			if x, ok := typ.X.(*ast.Ident); ok && x.Name == "table" && typ.Sel.Name == "Table" {
				return true
			}
		}
	}
	return false
}
