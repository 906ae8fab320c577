package compact

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"passbook/cmd/internal/cli"
	"passbook/shared/archive/archivetest"
	"passbook/shared/bucket/dirbucket"
	"passbook/shared/segment"
)

// archived makes a data directory with an archive of some accounts.
func archived(t *testing.T) (data string) {
	t.Helper()
	data = t.TempDir()
	b, err := dirbucket.New(filepath.Join(data, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	w := segment.NewWriter(1, "", segment.Source{Stream: "passbook-events", Created: archivetest.Start, Shard: "s-0"}, segment.Link{})
	for _, r := range archivetest.Records(archivetest.Bank(1, 3, 20)) {
		if err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	sealed, err := w.Seal()
	if err == nil {
		err = b.Create(t.Context(), sealed.Key, sealed.Data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compacted runs the program and returns its exit code and what it prints.
func compacted(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), "compact", "", &Command{}, args, &cli.Terminal{Version: "test", Out: &out, Err: &errs})
	return code, out.String() + errs.String()
}

func TestCheckNamesWhatDiffersAndChangesNothing(t *testing.T) {
	data := archived(t)
	if code, out := compacted(t, "--data", data, "--check"); code != cli.ExitFailed || !strings.Contains(out, "there is no events table") {
		t.Errorf("without a table: %d %s", code, out)
	}
	if code, out := compacted(t, "--data", data); code != cli.ExitOK {
		t.Fatalf("%d %s", code, out)
	}
	if code, out := compacted(t, "--data", data, "--check"); code != cli.ExitOK || !strings.Contains(out, "events of 3 accounts in ") {
		t.Errorf("%d %s", code, out)
	}
	err := filepath.WalkDir(filepath.Join(data, "tables"), func(file string, e fs.DirEntry, err error) error {
		if err == nil && strings.Contains(file, "recorded_day") && strings.HasSuffix(file, ".parquet") {
			err = os.Remove(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	code, out := compacted(t, "--data", data, "--check", "--json")
	var report struct {
		Events, Count int64
		Findings      []struct {
			Account string
			Version int64
		}
	}
	text, _, _ := strings.Cut(out, "\nerror")
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	named := map[string]int64{}
	for _, f := range report.Findings {
		named[f.Account] = f.Version
	}
	if code != cli.ExitDifference || report.Events != 0 || report.Count < 4 || named["main#A-0"] != 1 || named["main#A-2"] != 1 {
		t.Errorf("%d %s", code, out)
	}
	if code, out := compacted(t, "--data", data, "--check", "--every", "1m"); code != cli.ExitUsage {
		t.Errorf("with --every: %d %s", code, out)
	}
}
