package view

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
)

//go:embed templates
var layouts embed.FS

// Templates are the templates of some pages, over the layout and the partials.
type Templates struct{ set *template.Template }

// own are the kit's own pages.
var own = Parse(layouts, "templates/failed.html")

// Parse returns the templates in files of a package. It panics on one that is wrong, which is a
// mistake in the program.
func Parse(files fs.FS, patterns ...string) *Templates { return ParseWith(nil, files, patterns...) }

// ParseWith does what Parse does, with further functions.
func ParseWith(further template.FuncMap, files fs.FS, patterns ...string) *Templates {
	set := template.New("").Funcs(functions).Funcs(further)
	template.Must(set.ParseFS(layouts, "templates/layout.html", "templates/partials.html"))
	return &Templates{template.Must(set.ParseFS(files, patterns...))}
}

func (t *Templates) has(name string) bool { return t.set.Lookup(name) != nil }

// execute returns a whole page: the layout around the template that it names.
func (t *Templates) execute(f frame) ([]byte, error) {
	content, err := t.Fragment(f.Name, f.Data)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = t.set.ExecuteTemplate(&page, "layout", struct {
		frame
		Content template.HTML
	}{f, template.HTML(content)}) //nolint:gosec // html/template made it a line above
	if err != nil {
		return nil, fmt.Errorf("show the page %s: %w", f.Name, err)
	}
	return page.Bytes(), nil
}

// Fragment returns one template.
func (t *Templates) Fragment(name string, data any) ([]byte, error) {
	var part bytes.Buffer
	if err := t.set.ExecuteTemplate(&part, name, data); err != nil {
		return nil, fmt.Errorf("show the part %s of a page: %w", name, err)
	}
	return part.Bytes(), nil
}
