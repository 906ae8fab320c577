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
var metricName = regexp.MustCompile(`passbook_[a-z_]+`)

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
		if path.Ext(name) != ".md" && path.Ext(name) != ".yaml" {
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
