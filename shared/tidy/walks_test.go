package tidy

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tree is what can be named: packages by the last part of their path, and what each declares.
type tree struct {
	pkgs     map[string][]string        // "event" -> "shared/event"
	declared map[string]map[string]bool // "shared/event" -> "Entry", "Entry.Account", "Account" ...
	files    map[string]bool            // "shared/event/entry.go"
}

// namesOf indexes the declarations of production code.
func namesOf(files []file) tree {
	all := tree{pkgs: map[string][]string{}, declared: map[string]map[string]bool{}, files: map[string]bool{}}
	for _, f := range files {
		all.files[f.path] = true
		if f.test {
			continue
		}
		if all.declared[f.pkg] == nil {
			all.declared[f.pkg] = map[string]bool{}
			all.pkgs[path.Base(f.pkg)] = append(all.pkgs[path.Base(f.pkg)], f.pkg)
		}
		for _, decl := range f.tree.Decls {
			for _, name := range namesIn(decl) {
				all.declared[f.pkg][name] = true
			}
		}
	}
	return all
}

// namesIn returns the names of a declaration, and a method as "Name" and "Type.Name".
func namesIn(decl ast.Decl) (names []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		names = append(names, d.Name.Name)
		if d.Recv != nil {
			names = append(names, receiver(d.Recv.List[0].Type)+"."+d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
				names = append(names, members(s)...)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}

// members returns the fields and interface methods of a type as "Type.Name".
func members(s *ast.TypeSpec) (names []string) {
	var list *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		return nil
	}
	for _, field := range list.List {
		for _, n := range field.Names {
			names = append(names, s.Name.Name+"."+n.Name)
		}
	}
	return names
}

// knows reports whether a name exists, seen from a package: a package, a file of this package, a
// declaration of it, or one of another package as "pkg.Name" or "pkg.Type.Name".
func (all tree) knows(from, name string) bool {
	if all.files[path.Join(from, name)] || all.declared[from][name] || all.pkgs[name] != nil || all.declared[name] != nil {
		return true
	}
	first, rest, qualified := strings.Cut(name, ".")
	if !qualified {
		return false
	}
	return slices.ContainsFunc(all.pkgs[first], func(pkg string) bool { return all.declared[pkg][rest] })
}

var (
	// walks matches the walk through a package, to the end of its sentence.
	walks = regexp.MustCompile(`(?s)\bWalk: (.*?)\.(\s|$)`)
	// steps parts a walk into its steps.
	steps = regexp.MustCompile(`->|[;,]|\band\b`)
	// next matches what to read after a package.
	next = regexp.MustCompile(`(?i)\bnext on the walk(:| is)\s+([\w/]+)`)
)

func TestWalksNameWhatExists(t *testing.T) {
	files := sources(t)
	all := namesOf(files)
	found := 0
	for _, f := range files {
		if f.tree.Doc == nil {
			continue
		}
		doc := f.tree.Doc.Text()
		for _, m := range next.FindAllStringSubmatch(doc, -1) {
			found++
			if all.pkgs[m[2]] == nil && all.declared[m[2]] == nil {
				t.Errorf("%s: next on the walk is no package: %s", f.path, m[2])
			}
		}
		for _, m := range walks.FindAllStringSubmatch(doc, -1) {
			for _, step := range steps.Split(m[1], -1) {
				name := stepName(step)
				found++
				if name != "" && !all.knows(f.pkg, name) {
					t.Errorf("%s: the walk goes through %q, which does not exist", f.path, name)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no doc.go has a walk")
	}
}

// stepName returns the name that a step of a walk begins with, or "" for one in prose: "the row".
func stepName(step string) string {
	fields := strings.Fields(step)
	if len(fields) > 0 && fields[0] == "then" {
		fields = fields[1:]
	}
	if len(fields) == 0 || slices.Contains([]string{"a", "an", "the"}, strings.ToLower(fields[0])) || token.IsKeyword(fields[0]) {
		return ""
	}
	return strings.Trim(fields[0], "()")
}
