package operations

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"passbook/shared/api"
	"passbook/shared/console/view"
	"passbook/shared/opsread"
)

// functions are what the templates of these pages may call besides the kit's.
var functions = template.FuncMap{
	"bytes": size, "shard": shortShard, "rate": rate, "int64": func(n int) int64 { return int64(n) },
	"lines": lines, "lasts": view.Lasts, "inquarantine": inQuarantine, "tabs": func() []string { return []string{"log", "keys", "settings", "health", "jobs"} },
	"first": func(i int) string {
		if i == 0 {
			return "first"
		}
		return ""
	},
	"dryrun": func(params json.RawMessage) bool { return flagOf(params).DryRun }, "repairs": func(params json.RawMessage) bool { return flagOf(params).Repair },
	"differs": differs, "took": func(a api.OpsAction) time.Duration { return a.EndedAt.Sub(a.At.Time) },
	"title": func(s string) string { return strings.ToUpper(s[:1]) + s[1:] },
}

// flags are what pages show of a job's parameters.
type flags struct {
	DryRun bool `json:"dry_run"`
	Repair bool `json:"repair"`
}

// flagOf returns the flags of parameters; none if they were cut in the log.
func flagOf(params json.RawMessage) (f flags) {
	_ = json.Unmarshal(params, &f)
	return f
}

// differs reports whether an action ended because it found a difference.
func differs(a api.OpsAction) bool { return a.ExitCode != nil && *a.ExitCode == exitDifference }

// size returns bytes for people, in binary units.
func size(n int64) string {
	for _, u := range []struct {
		name string
		of   int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.of {
			return strconv.FormatFloat(float64(n)/float64(u.of), 'f', 1, 64) + " " + u.name
		}
	}
	return fmt.Sprint(n, " bytes")
}

// rate returns a number of things a second.
func rate(n any) string {
	f := 0.0
	switch v := n.(type) {
	case float64:
		f = v
	case *float64:
		f = *v
	case *api.Seconds:
		f = float64(*v)
	}
	if f >= 10 {
		return view.Count(int64(f))
	}
	return strconv.FormatFloat(f, 'f', 1, 64)
}

// lines returns a text of several lines in which each line cannot change how the page reads.
func lines(text string) string {
	split := strings.Split(text, "\n")
	for i, line := range split {
		split[i] = view.Text(strings.ReplaceAll(line, "\t", "    "))
	}
	return strings.Join(split, "\n")
}

// inQuarantine returns the address of something in quarantine.
func inQuarantine(q opsread.Quarantined) string {
	return "/ui/quarantine?" + url.Values{"consumer": {q.Consumer}, "id": {q.ID}}.Encode()
}
