package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// until is a command with a time.
type until struct {
	To Instant `name:"to"`
}

func (u until) Run(t *Terminal) error { return json.NewEncoder(t.Out).Encode(u) }

// A time is read alike from a flag and from JSON, where a running bank takes the parameters of a
// job.
func TestInstantIsRFC3339(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-29T08:00:00Z": "2026-11-29T08:00:00Z", "2026-11-29t10:00:00.5+02:00": "2026-11-29T08:00:00.5Z",
		"2026-11-29T8:00:00Z": "", "2026-11-29T08:00:00,5Z": "", "2026-11-29T08:00:00+24:00": "", "2026-11-29": "", "0001-01-01T00:00:00Z": "",
	} {
		grammar := struct {
			Until until `cmd:""`
		}{}
		var out, errOut bytes.Buffer
		code := Run(context.Background(), "test", "about", &grammar, []string{"until", "--to", text}, &Terminal{Out: &out, Err: &errOut})
		if want == "" && (code != ExitUsage || !strings.Contains(errOut.String(), "--to")) || want != "" && (code != ExitOK || !strings.Contains(out.String(), want)) {
			t.Errorf("--to %s: exit %d, %q, %q", text, code, out.String(), errOut.String())
		}
		var read until
		err := json.Unmarshal([]byte(`{"To":"`+text+`"}`), &read)
		if (err == nil) != (want != "") || want != "" && read.To.Time().Format(time.RFC3339Nano) != want {
			t.Errorf("JSON %s: %v, %v", text, read.To.Time(), err)
		}
	}
}
