package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"passbook/shared/webhook"
)

// The programs of docs/webhooks.md take the bank's signatures, of each of two secrets, and nothing
// else.
func TestProgramsOfTheWebhookGuideCheckSignatures(t *testing.T) {
	text, err := os.ReadFile("../../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	const secret, body = "whsec_23iS3mQuH_ObRUo8vzAkdEQ6e7QzEl7PV8HBmZYbu5I", `{"event_id":"A-1:2"}`
	at := time.Unix(1796029200, 0)
	header := webhook.Sign(at, []byte(body), []string{secret})
	if !strings.Contains(string(text), "\n"+header+"\n") {
		t.Errorf("the document has no line %s", header)
	}
	other := webhook.Sign(at, []byte(body), []string{"whsec_another"})
	words := map[string][]string{"python": {"python3", "verify.py"}, "go": {"go", "run", "-trimpath", "verify.go"}, "js": {"node", "verify.js"}}
	for language, run := range words {
		blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(text), -1)
		if len(blocks) != 1 {
			t.Fatalf("docs/webhooks.md has %d programs in %s", len(blocks), language)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, run[len(run)-1]), []byte(blocks[0][1]), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name, header, body, now string
			want                    string
		}{
			{"right", header, body, "1796029200", "true"},
			{"both secrets", webhook.Sign(at, []byte(body), []string{"whsec_new", secret}), body, "1796029490", "true"},
			{"another secret", other, body, "1796029200", "false"},
			{"another body", header, body + " ", "1796029200", "false"},
			{"another time", strings.Replace(header, "t=1796029200", "t=1796029201", 1), body, "1796029200", "false"},
			{"too old", header, body, "1796029501", "false"},
			{"no signature", "t=1796029200", body, "1796029200", "false"},
			{"nothing", "", body, "1796029200", "false"},
		} {
			command := exec.CommandContext(t.Context(), run[0], run[1:]...)
			command.Dir, command.Stdin = dir, strings.NewReader(tt.body)
			command.Env = append(os.Environ(), "SECRET="+secret, "HEADER="+tt.header, "NOW="+tt.now)
			out, err := command.CombinedOutput()
			if got := strings.ToLower(strings.TrimSpace(string(out))); err != nil || got != tt.want {
				t.Errorf("%s, %s: %q, %v", language, tt.name, out, err)
			}
		}
	}
}
