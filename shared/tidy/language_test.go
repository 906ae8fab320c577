package tidy

import (
	"bytes"
	"go/ast"
	"go/token"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// banned are words that a reader has to read twice, or that stand for a word of the field, each
// with what to write instead. They are looked for in comments, strings, names of tests and
// documents, across line ends.
var banned = []struct {
	words   *regexp.Regexp
	instead string
}{
	{words(`whoever`), `"who", or name them`},
	{words(`whatever (is|was|were|are|has|had|it|they|he|you|we|comes?|keeps?|becomes?|became|goes|happens?|lies|stands?|stood|fails?|else)`), `"what", "anything that"`},
	{words(`anew`), `"again"`},
	{words(`aside`), `"quarantine", "except"`},
	{words(`for ever`), `"forever", "never ends"`},
	{words(`go(es|ing|ne)? on|went on`), `"continue"`},
	{words(`(stand|stands|standing|stood) still`), `"does not change", "does not advance"`},
	{words(`all the same`), `"still", "nevertheless"`},
	{words(`meanwhile`), `"in the meantime", "at the same time"`},
	{words(`heed(s|ed|ing)?`), `"follow", "respect"`},
	{words(`(there|where)(of|in|from|with|upon)`), `"of it", "in which"`},
	{words(`mend(s|ed|ing)?`), `"repair"`},
	{words(`(hold|holds|holding|held)( [\w']+){0,3} against`), `"compare with", "check against"`},
	{words(`(is|are|was|were) said`), `who says, logs or reports it`},
	{words(`(tell|tells|telling|told) of`), `"describe", "report"`},
	{words(`of (its|their|his) own`), `"its own ...", "separate"`},
	{words(`what for`), `"why"`},
	{words(`poison(s|ed|ous)?`), `"quarantine", "an entry that cannot be processed"`},
	{words(`crew`), `"worker pool"`},
}

// words compiles a pattern of whole words, in any case, with any white space between them.
func words(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b(` + strings.ReplaceAll(pattern, " ", `\s+`) + `)\b`)
}

// persisted are strings that contain a banned word and may not change: other programs, dashboards
// or stored rows know them.
var persisted = []string{"poison"}

// prose reports whether a file that is not Go is read by people.
func prose(name string) bool {
	base := path.Base(name)
	return slices.Contains([]string{"Makefile", "Dockerfile", "run"}, base) || slices.Contains([]string{".md", ".yaml", ".sh"}, path.Ext(name))
}

func TestWordsArePlain(t *testing.T) {
	for _, f := range sources(t) {
		if f.path == "shared/tidy/language_test.go" {
			continue
		}
		eachText(f, func(at token.Position, text string) {
			eachBanned(text, func(line int, found, instead string) {
				t.Errorf("%s:%d: %q: write %s", f.path, at.Line+line, found, instead)
			})
		})
	}
	err := walk(func(name string, data []byte) error {
		if !prose(name) || bytes.IndexByte(data, 0) >= 0 {
			return nil
		}
		eachBanned(string(data), func(line int, found, instead string) {
			t.Errorf("%s:%d: %q: write %s", name, line+1, found, instead)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// eachBanned visits the banned words of a text, each with the number of line ends before it.
func eachBanned(text string, visit func(line int, found, instead string)) {
	for _, b := range banned {
		for _, m := range b.words.FindAllStringIndex(text, -1) {
			visit(strings.Count(text[:m[0]], "\n"), strings.Join(strings.Fields(text[m[0]:m[1]]), " "), b.instead)
		}
	}
}

// eachText visits what people read in a Go file: each group of comments, each string that is no
// import, tag or persisted name, and the names of tests as sentences.
func eachText(f file, visit func(at token.Position, text string)) {
	for _, group := range f.tree.Comments {
		var lines []string
		for _, c := range group.List {
			lines = append(lines, strings.Trim(c.Text, "/*"))
		}
		visit(fset.Position(group.Pos()), strings.Join(lines, "\n"))
	}
	tags := map[*ast.BasicLit]bool{}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.FuncDecl:
			if f.test && n.Recv == nil {
				visit(fset.Position(n.Pos()), sentence(n.Name.Name))
			}
		case *ast.Field:
			if n.Tag != nil {
				tags[n.Tag] = true
				visit(fset.Position(n.Tag.Pos()), reflect.StructTag(strings.Trim(n.Tag.Value, "`")).Get("help"))
			}
		case *ast.BasicLit:
			if n.Kind != token.STRING || tags[n] {
				return true
			}
			if text, err := strconv.Unquote(n.Value); err == nil && !slices.Contains(persisted, text) {
				visit(fset.Position(n.Pos()), text)
			}
		}
		return true
	})
}

// beginsWithBe matches a comment that begins "Name is ...", after its name.
var beginsWithBe = regexp.MustCompile(`^\s+(is|are|was|were|says)\b`)

func TestFunctionDocsBeginWithAVerb(t *testing.T) {
	for _, f := range sources(t) {
		eachFunctionDoc(f, func(name *ast.Ident, doc string) {
			if rest, ok := strings.CutPrefix(doc, name.Name); ok && beginsWithBe.MatchString(rest) {
				t.Errorf("%s: %q: begin with what it does or returns", position(name), name.Name+strings.Join(strings.SplitAfterN(rest, " ", 3)[:2], ""))
			}
		})
	}
}

// eachFunctionDoc visits the comments of functions, methods and interface methods.
func eachFunctionDoc(f file, visit func(name *ast.Ident, doc string)) {
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Doc != nil {
				visit(n.Name, n.Doc.Text())
			}
			return false
		case *ast.InterfaceType:
			for _, method := range n.Methods.List {
				if method.Doc != nil && len(method.Names) == 1 {
					visit(method.Names[0], method.Doc.Text())
				}
			}
		}
		return true
	})
}

// maxComment is the widest a comment may be, in columns, a tab being four.
const maxComment = 100

// unwrappable matches comments that have to stand on one line: directives and links.
var unwrappable = regexp.MustCompile(`^//(nolint|go:|line |[a-z]+:)|https?://`)

func TestCommentsAreWrapped(t *testing.T) {
	err := walk(func(name string, data []byte) error {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, ".gen.go") {
			return nil
		}
		for i, line := range strings.Split(string(data), "\n") {
			comment := strings.TrimLeft(line, "\t")
			width := utf8.RuneCountInString(comment) + 4*(len(line)-len(comment))
			if strings.HasPrefix(comment, "//") && width > maxComment && !unwrappable.MatchString(comment) {
				t.Errorf("%s:%d: a comment of %d columns, more than %d", name, i+1, width, maxComment)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sentence parts the words of a name: "TestItGoesOn" is "Test It Goes On".
func sentence(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) || r == '_' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
