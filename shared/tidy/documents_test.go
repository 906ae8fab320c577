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

// texts returns the files of the repository that are not Go, by path.
func texts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := walk(func(name string, data []byte) error {
		if path.Ext(name) != ".go" {
			all[name] = string(data)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// documents returns the Markdown files, by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	for name, text := range texts(t) {
		if path.Ext(name) == ".md" {
			docs[name] = text
		}
	}
	return docs
}

var (
	links = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// notAnchor matches what a heading's anchor leaves out.
	notAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	all, found := texts(t), 0
	for name, text := range documents(t) {
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			found++
			target, anchor, _ := strings.Cut(m[1], "#")
			file := name
			if target != "" {
				file = path.Join(path.Dir(name), target)
			}
			if _, ok := all[file]; !ok {
				t.Errorf("%s: the link %s leads to no file", name, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(all[file]), anchor) {
				t.Errorf("%s: the link %s leads to no heading", name, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no document links to another")
	}
}

// anchors returns the anchors of a document's headings, as GitHub makes them.
func anchors(text string) (list []string) {
	for _, line := range strings.Split(text, "\n") {
		if heading := strings.TrimLeft(line, "#"); heading != line && strings.HasPrefix(heading, " ") {
			plain := notAnchor.ReplaceAllString(strings.ToLower(heading[1:]), "")
			list = append(list, strings.ReplaceAll(plain, " ", "-"))
		}
	}
	return list
}

// paths matches what looks like a path of this repository in backticks.
var paths = regexp.MustCompile("`((?:cmd|shared|docs|deploy|localstack|withdraw|credit|balance|creditlimit|archiver)/[A-Za-z0-9_./-]*)`")

func TestPathsInDocumentsExist(t *testing.T) {
	all, dirs := texts(t), map[string]bool{}
	for _, f := range sources(t) {
		all[f.path] = ""
	}
	for name := range all {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	for name, text := range documents(t) {
		for _, m := range paths.FindAllStringSubmatch(text, -1) {
			named := strings.TrimSuffix(m[1], "/")
			if _, isFile := all[named]; !isFile && !dirs[named] {
				t.Errorf("%s names %s, which does not exist", name, m[1])
			}
		}
	}
}

// alarmName matches an alarm of the template.
var alarmName = regexp.MustCompile(`(?m)^  ([A-Za-z]+Alarm):$`)

func TestEveryAlarmIsExplained(t *testing.T) {
	all := texts(t)
	alarms := alarmName.FindAllStringSubmatch(all["deploy/template.yaml"], -1)
	if len(alarms) == 0 {
		t.Fatal("deploy/template.yaml has no alarm")
	}
	for _, m := range alarms {
		if !strings.Contains(all["docs/operations.md"], "`"+m[1]+"`") {
			t.Errorf("docs/operations.md does not explain %s", m[1])
		}
	}
}

// metricName matches the name of a metric.
var metricName = regexp.MustCompile(`passbook_[a-z0-9_]+`)

func TestMetricsInDocumentsExist(t *testing.T) {
	declared := map[string]bool{"build_info": true}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				declared[strings.Trim(literal.Value, `"`)] = true
			}
			return true
		})
	}
	for name, text := range texts(t) {
		// What Prometheus reads is compared with the metrics of running programs in
		// cmd/internal/programs.
		if path.Ext(name) != ".md" && path.Ext(name) != ".yaml" || path.Dir(name) == "deploy/prometheus" {
			continue
		}
		for _, metric := range metricName.FindAllString(text, -1) {
			bare := strings.TrimPrefix(metric, "passbook_")
			if !declared[bare] && !declared[strings.TrimPrefix(bare, "consumer_")] {
				t.Errorf("%s names the metric %s, which does not exist", name, metric)
			}
		}
	}
}

// maxReadme is the most lines of the README: it is read before anything else.
const maxReadme = 150

// goName matches a qualified name of Go in backticks.
var goName = regexp.MustCompile("`([a-z]+\\.[A-Za-z]+(?:\\.[A-Za-z]+)?)`")

func TestReadmeNamesWhatExists(t *testing.T) {
	files := sources(t)
	all, readme := namesOf(files), texts(t)["README.md"]
	if n := strings.Count(readme, "\n"); n > maxReadme {
		t.Errorf("README.md has %d lines, more than %d", n, maxReadme)
	}
	life := part(t, readme, "## The life of one withdrawal")
	names := goName.FindAllStringSubmatch(life, -1)
	if len(names) < 8 {
		t.Errorf("the life of one withdrawal names %d functions", len(names))
	}
	for _, m := range names {
		if !all.knows("", m[1]) {
			t.Errorf("README.md: the life of one withdrawal names %s, which does not exist", m[1])
		}
	}
	atlas := part(t, readme, "## The map")
	named := firstColumn(atlas)
	for pkg := range all.declared {
		name := path.Base(pkg)
		// Suites and adapters are below their port, programs below cmd/internal/programs.
		if all.declared[path.Dir(pkg)] != nil {
			continue
		}
		inMap := strings.Contains(atlas, name)
		if strings.HasPrefix(pkg, "shared/") {
			inMap = slices.Contains(named, name)
		}
		if !inMap {
			t.Errorf("README.md: the map has no %s", pkg)
		}
	}
}

// firstColumn returns the words of a table's first column, which two spaces end.
func firstColumn(text string) (names []string) {
	for _, line := range strings.Split(text, "\n") {
		column, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
		names = append(names, strings.Fields(column)...)
	}
	return names
}

// part returns a section of a document, without its heading.
func part(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("no section %q", heading)
	}
	section, _, _ := strings.Cut(rest, "\n## ")
	return section
}

func TestTheReadersTestHasTenChanges(t *testing.T) {
	rows := 0
	for _, line := range strings.Split(part(t, texts(t)["CONTRIBUTING.md"], "## Where to change what"), "\n") {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| change |") {
			rows++
			if !paths.MatchString(line) {
				t.Errorf("CONTRIBUTING.md names no file: %s", line)
			}
		}
	}
	if rows < 10 {
		t.Errorf("CONTRIBUTING.md answers %d changes, not 10", rows)
	}
}
