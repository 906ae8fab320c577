package tidy

import (
	"go/ast"
	"go/token"
	"testing"
)

// TestMetricHelpListsTheLabelValues checks that the help of a metric cannot list other label values
// than the code has. A value is a constant; help is made of a list of constants,
// strings.Join(steps, ", "); the list has all constants of its group, and each is used elsewhere.
func TestMetricHelpListsTheLabelValues(t *testing.T) {
	packages := map[string][]file{}
	for _, f := range sources(t) {
		if !f.test {
			packages[f.pkg] = append(packages[f.pkg], f)
		}
	}
	lists := 0
	for pkg, files := range packages {
		if !checkLabels(t, files) {
			continue
		}
		for name, listed := range joined(files) {
			lists++
			uses := usesOf(files)
			for _, group := range constants(files) {
				if !overlap(group, listed) {
					continue
				}
				for _, constant := range group {
					switch {
					case !listed[constant]:
						t.Errorf("%s: %s does not list %s", pkg, name, constant)
					case uses[constant] < 3: // its declaration and its place in the list are two
						t.Errorf("%s: %s lists %s, which nothing counts", pkg, name, constant)
					}
				}
			}
		}
	}
	if lists == 0 {
		t.Error("no metric's help lists label values")
	}
}

// checkLabels fails the test for label values that are literals. It reports whether the files count
// by label.
func checkLabels(t *testing.T, files []file) (counts bool) {
	for _, f := range files {
		ast.Inspect(f.tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if s, ok := call.Fun.(*ast.SelectorExpr); !ok || s.Sel.Name != "WithLabelValues" {
				return true
			}
			counts = true
			for _, arg := range call.Args {
				if literal, ok := arg.(*ast.BasicLit); ok {
					t.Errorf("%s: label value %s: name it as a constant beside the metric", position(call), literal.Value)
				}
			}
			return true
		})
	}
	return counts
}

// joined returns the lists of constants that are joined into texts, by their variables' names.
func joined(files []file) map[string]map[string]bool {
	names, lists := map[string]bool{}, map[string]map[string]bool{}
	for _, f := range files {
		eachCall(f, func(call *ast.CallExpr, pkg, name string) {
			if pkg == "strings" && name == "Join" {
				if list, ok := call.Args[0].(*ast.Ident); ok {
					names[list.Name] = true
				}
			}
		})
	}
	for _, f := range files {
		eachSpec(f, token.VAR, func(spec *ast.ValueSpec, _ []string) {
			for i, name := range spec.Names {
				if i < len(spec.Values) && names[name.Name] {
					if literal, ok := spec.Values[i].(*ast.CompositeLit); ok {
						lists[name.Name] = elements(literal)
					}
				}
			}
		})
	}
	return lists
}

// elements returns the names in a list of constants.
func elements(list *ast.CompositeLit) map[string]bool {
	names := map[string]bool{}
	for _, element := range list.Elts {
		if name, ok := element.(*ast.Ident); ok {
			names[name.Name] = true
		}
	}
	return names
}

// constants returns the names of each group of constants.
func constants(files []file) (groups [][]string) {
	for _, f := range files {
		last := []string(nil)
		eachSpec(f, token.CONST, func(_ *ast.ValueSpec, group []string) {
			if len(last) == 0 || last[0] != group[0] {
				groups, last = append(groups, group), group
			}
		})
	}
	return groups
}

// eachSpec visits the package-level values of a kind, each with the names of its whole group.
func eachSpec(f file, kind token.Token, visit func(spec *ast.ValueSpec, group []string)) {
	for _, decl := range f.tree.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != kind {
			continue
		}
		group := namesIn(d)
		for _, spec := range d.Specs {
			visit(spec.(*ast.ValueSpec), group)
		}
	}
}

// usesOf counts how often each name occurs.
func usesOf(files []file) map[string]int {
	uses := map[string]int{}
	for _, f := range files {
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok {
				uses[name.Name]++
			}
			return true
		})
	}
	return uses
}

// overlap reports whether a group has a name of a list.
func overlap(group []string, listed map[string]bool) bool {
	for _, name := range group {
		if listed[name] {
			return true
		}
	}
	return false
}
