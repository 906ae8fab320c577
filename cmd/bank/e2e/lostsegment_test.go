package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"passbook/cmd/internal/programtest"
)

// newestOfEachShard returns the newest segment of each shard in the archive.
func newestOfEachShard(t *testing.T, data string) []string {
	t.Helper()
	newest := map[string]string{}
	for _, file := range segments(t, data) {
		shard := filepath.Base(filepath.Dir(file))
		newest[shard] = max(newest[shard], file)
	}
	var files []string
	for _, file := range newest {
		files = append(files, file)
	}
	slices.Sort(files)
	return files
}

// TestLostSegments checks that a bank whose archive has lost its newest segments serves, reports
// it, and archives them again: by itself what is still on the stream, and by audit --repair what is
// only in the journal.
func TestLostSegments(t *testing.T) {
	for name, tt := range map[string]struct {
		lose func(file string) error
		// damaged says that what is left in the place of the segment is named until it is retired.
		damaged bool
	}{
		"removed": {lose: os.Remove},
		"cut":     {lose: func(file string) error { return os.WriteFile(file, []byte("PAR1"), 0o600) }, damaged: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := settle(t)
			lost := newestOfEachShard(t, data)
			for _, file := range lost {
				if err := os.Chmod(file, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := tt.lose(file); err != nil {
					t.Fatal(err)
				}
			}
			b := serve(t, data)
			b.post(t, "/v1/accounts/A-0/withdrawals", "after", money(10)).must(t, 201)
			b.get(t, "/v1/accounts/A-0/balance?min_version=4&wait=5s").must(t, 200)
			if !tt.damaged {
				b.checkAudit(t)
				return
			}
			programtest.Eventually(t, "the loss is named", func() error {
				ready, metrics := b.get(t, "/readyz?verbose"), b.metrics(t)
				if ready.status != 200 || !strings.Contains(ready.text, filepath.Base(lost[0])) || !strings.Contains(metrics, fmt.Sprintf("passbook_archive_losses_total %d\n", len(lost))) {
					return fmt.Errorf("%d %s", ready.status, ready.text)
				}
				return nil
			})
			if got := command(t, "audit", "--data", data, "--repair", "--grace", "0s"); got.Code != 3 || !strings.Contains(got.Out, "republished") {
				t.Errorf("audit --repair: code %d\n%s%s", got.Code, got.Out, got.ErrOut)
			}
			programtest.Eventually(t, "what was lost is archived again", func() error {
				got := command(t, "audit", "--data", data, "--grace", "0s")
				if strings.Contains(got.Out, "archive: main#") {
					return fmt.Errorf("%s", got.Out)
				}
				return nil
			})
			for _, file := range lost {
				key, err := filepath.Rel(filepath.Join(data, "archive"), file)
				if err != nil {
					t.Fatal(err)
				}
				if got := command(t, "bank", "archive", "retire", filepath.ToSlash(key), "--yes", "--data", data); got.Code != 0 || !strings.Contains(got.Out, "is retired") {
					t.Errorf("retire: code %d\n%s%s", got.Code, got.Out, got.ErrOut)
				}
			}
			if got := command(t, "audit", "--data", data, "--grace", "0s"); got.Code != 0 || strings.Count(got.Out, "retired: ") != len(lost) {
				t.Errorf("audit of what is retired: code %d\n%s%s", got.Code, got.Out, got.ErrOut)
			}
		})
	}
}

// metrics returns the bank's metrics.
func (b *bank) metrics(t *testing.T) string {
	t.Helper()
	response, err := httpClient.Get(b.Base + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
