package tidy

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// The layers, from the inside out. A package's path alone decides its layer.
const (
	base      = "base"
	domain    = "domain"
	ports     = "ports"
	suites    = "suites"
	adapters  = "adapters"
	machinery = "machinery"
	services  = "services"
	choice    = "platform"
	programs  = "programs"
	rules     = "tidy"
)

// allowed lists the layers that each layer may import. Domain and machinery may also import
// themselves, and the compiler rules out cycles. Services never import each other: they share
// events only.
var allowed = map[string][]string{
	base:      {},
	domain:    {domain},
	ports:     {},
	suites:    {base, domain, ports, machinery, adapters, suites},
	adapters:  {base, ports, adapters},
	machinery: {base, domain, ports, machinery},
	services:  {base, domain, ports, machinery},
	choice:    {base, ports, adapters},
	programs:  {base, domain, ports, machinery, services, choice, programs},
	rules:     {},
}

// layer returns the layer of a package, given as its directory from the root, or "".
func layer(pkg string) string {
	parts := strings.Split(pkg, "/")
	switch parts[0] {
	case "withdraw", "credit", "balance", "creditlimit", "archiver":
		return services
	case "cmd", "localstack", "docs":
		return programs
	case "shared":
		if len(parts) > 1 {
			return layerOfShared(parts[1:])
		}
	}
	return ""
}

// layerOfShared returns the layer of a package below shared.
func layerOfShared(parts []string) string {
	if strings.HasSuffix(parts[len(parts)-1], "test") {
		return suites
	}
	switch parts[0] {
	case "access":
		if len(parts) == 1 {
			return base
		}
		return machinery
	case "backoff", "progress", "workerpool":
		return base
	case "money", "event", "account", "canonicaljson":
		return domain
	case "table", "stream", "bucket", "keywrap":
		if len(parts) == 1 {
			return ports
		}
		return adapters
	case "control", "writer", "journal", "publisher", "affinity", "consumer", "readmodel", "segment", "archive", "archivelog", "endofday", "origin", "replay", "audit", "eventtable", "stores", "upgrade", "opslog", "opsread", "series", "derived", "journey", "feed", "statement", "monitor", "discovery", "console", "admission", "certificate", "listener", "web", "session", "api", "client", "telemetry", "webhook":
		return machinery
	case "backup":
		return machinery
	case "embedded":
		return adapters
	case "sim", "damages":
		return programs // it has only tests, and puts whole processes together
	case "faults":
		return suites // only tests may import it
	case "platform":
		return choice
	case "tidy":
		return rules
	}
	return ""
}

func TestImportsPointOneWay(t *testing.T) {
	for _, f := range sources(t) {
		from := layer(f.pkg)
		if from == "" {
			t.Errorf("%s: package %s has no layer: add it to layerOfShared in imports_test.go", f.path, f.pkg)
			continue
		}
		for _, imported := range f.imports {
			target, ours := strings.CutPrefix(imported, module)
			if !ours || target == f.pkg {
				continue
			}
			to := layer(target)
			if f.test && (to == adapters || to == suites || to == choice) {
				continue
			}
			if !slices.Contains(allowed[from], to) {
				t.Errorf("%s (%s) imports %s (%s)", f.path, from, imported, to)
			}
		}
	}
}

// walls are imports that the layers would allow, and that would join what was parted: from must not
// import any of to. Tests may.
var walls = []struct {
	from string
	to   []string
	why  string
}{
	{"shared/consumer", []string{"shared/journal", "shared/readmodel"}, "reading shards under leases knows no journal and no read model"},
	{"shared/control", []string{"shared/journal", "shared/consumer", "shared/readmodel"}, "the control table does not know what its rows mean"},
	{"shared/readmodel", []string{"shared/archive", "shared/replay"}, "a read model does not know where a rebuild reads"},
}

func TestWallsStand(t *testing.T) {
	for _, wall := range walls {
		found := false
		for _, f := range sources(t) {
			if f.pkg != wall.from {
				continue
			}
			found = true
			for _, to := range wall.to {
				if !f.test && slices.Contains(f.imports, module+to) {
					t.Errorf("%s imports %s: %s", f.path, to, wall.why)
				}
			}
		}
		if !found {
			t.Errorf("no package %s: correct the wall", wall.from)
		}
	}
}

// maxDepth is the longest chain of imports inside the repository, programs included. It is only
// ever lowered.
const maxDepth = 10

func TestImportsAreShallow(t *testing.T) {
	imports := map[string]map[string]bool{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		for _, imported := range f.imports {
			if target, ours := strings.CutPrefix(imported, module); ours {
				if imports[f.pkg] == nil {
					imports[f.pkg] = map[string]bool{}
				}
				imports[f.pkg][target] = true
			}
		}
	}
	chains := map[string][]string{}
	var chain func(pkg string) []string
	chain = func(pkg string) []string {
		if known, ok := chains[pkg]; ok {
			return known
		}
		var longest []string
		for imported := range imports[pkg] {
			if c := chain(imported); len(c) > len(longest) {
				longest = c
			}
		}
		chains[pkg] = append([]string{pkg}, longest...)
		return chains[pkg]
	}
	for pkg := range imports {
		if c := chain(pkg); len(c) > maxDepth {
			t.Errorf("a chain of %d imports, more than %d: %s", len(c), maxDepth, strings.Join(c, " -> "))
		}
	}
}

// vendors are the modules that only certain places may import.
var vendors = []struct {
	prefix string
	place  string
	may    func(f file) bool
}{
	{"github.com/cockroachdb/pebble", "an adapter or platform", func(f file) bool {
		return layer(f.pkg) == adapters || layer(f.pkg) == choice || f.pkg == "shared/storetest" || f.test
	}},
	{"github.com/aws/", "an adapter, platform or a test", func(f file) bool {
		return layer(f.pkg) == adapters || f.pkg == "shared/eventtable/glue" || layer(f.pkg) == choice || f.pkg == "shared/awstest" || f.test
	}},
	{"github.com/labstack/echo", "shared/web, shared/api, the console or a service's api files", func(f file) bool {
		_, excepted := outsideWeb[f.pkg]
		return excepted || strings.HasPrefix(f.pkg, "shared/console") || strings.HasPrefix(f.pkg, "shared/web") || strings.HasPrefix(f.pkg, "shared/api") || layer(f.pkg) == services && (f.test || strings.Contains(path.Base(f.path), "api"))
	}},
	{"github.com/alecthomas/kong", "a program", func(f file) bool { return layer(f.pkg) == programs }},
	{"github.com/caarlos0/env", "platform or a program", func(f file) bool {
		return layer(f.pkg) == choice || layer(f.pkg) == programs
	}},
	{"github.com/schollz/progressbar", "a program", func(f file) bool { return layer(f.pkg) == programs }},
	{"github.com/coreos/go-oidc", "shared/access/oidc", func(f file) bool { return f.pkg == "shared/access/oidc" }},
	{"github.com/go-jose", "shared/access/oidc", func(f file) bool { return f.pkg == "shared/access/oidc" }},
	{"golang.org/x/oauth2", "shared/access/oidc", func(f file) bool { return f.pkg == "shared/access/oidc" }},
	{"github.com/apache/", "shared/eventtable/iceberg", func(f file) bool { return f.pkg == "shared/eventtable/iceberg" }},
	// They are larger than a service.
	{module + "shared/eventtable/iceberg", "the program compact", func(f file) bool { return f.pkg == "cmd/internal/programs/compact" || f.test }},
	{module + "shared/eventtable/glue", "the program compact", func(f file) bool { return f.pkg == "cmd/internal/programs/compact" || f.test }},
	{"github.com/golang-jwt", "a test", func(f file) bool { return f.test || layer(f.pkg) == suites }},
}

func TestVendorsStayInTheirPlace(t *testing.T) {
	for _, f := range sources(t) {
		for _, imported := range f.imports {
			for _, v := range vendors {
				if strings.HasPrefix(imported, v.prefix) && !v.may(f) {
					t.Errorf("%s imports %s, which belongs in %s", f.path, imported, v.place)
				}
			}
		}
	}
}

func TestDomainImportsOnlyTheStandardLibrary(t *testing.T) {
	helpers := []string{"github.com/bojanz/currency", "github.com/klauspost/compress/"}
	for _, f := range sources(t) {
		if layer(f.pkg) != domain || f.test {
			continue
		}
		for _, imported := range f.imports {
			if !strings.Contains(strings.Split(imported, "/")[0], ".") || slices.ContainsFunc(helpers, func(h string) bool { return strings.HasPrefix(imported, h) }) {
				continue
			}
			t.Errorf("%s imports %s: the domain may use the standard library, a list of currencies and a codec", f.path, imported)
		}
	}
}
